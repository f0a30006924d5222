#!/usr/bin/env python3
"""Times PyTorch at the kernels and training steps that Firstlight has of its own; `npm run bench -- --torch` puts them side by side.

    python3 bench/torch/reference.py --device cuda --cases all --json out.json
    python3 bench/torch/reference.py --device cpu --cases all --json out.json --quick

Made for a GPU machine without network: one file, needs torch (and transformers for the model cases),
downloads nothing, writes the JSON again after every case so that an interrupted run keeps its rows.

How the times are taken
  cuda  CUDA events. For a single op: (flush the L2, if the case is memory-bound) -> a short GPU sleep, so that the
        host is ahead and launch cost is hidden -> event, op, event. So these are device times, comparable with
        GPU timestamps around a compute pass. For a model: events between steps that follow one another without a
        synchronisation, so a step that the host cannot feed fast enough shows its real, host-bound time.
  cpu   perf_counter.
  Warm-up first; then the median, 10th and 90th percentile of many. Inputs are random, never zero.
Rates count the least work that the operation needs: every formula is in the row's notes.

All cases take longer than ten minutes with torch.compile. In pieces, on a CUDA machine:
    --cases roofs,matmul,sdpa
    --cases convolution,layernorm,gelu,softmax_ce,batchnorm,adamw
    --cases xclip --match eager
    --cases xclip --match compile --deadline 540
"""
import argparse, contextlib, gc, json, math, os, platform, re, resource, signal, subprocess, sys, time, warnings

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_OFFLINE", "1")
os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
warnings.filterwarnings("ignore")

import torch
import torch.nn.functional as F

GROUPS = ["roofs", "matmul", "sdpa", "convolution", "layernorm", "gelu", "softmax_ce", "batchnorm", "adamw", "xclip"]
DTYPES = {"fp32": torch.float32, "tf32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16}


class TimeUp(BaseException):
    """Raised by the alarm: a BaseException, so that no library's `except Exception` swallows it."""


class Bench:
    def __init__(self, a):
        self.a, self.dev, self.cuda = a, a.device, a.device == "cuda"
        self.rows, self.t0 = [], time.monotonic()
        self.shrink = a.quick and not self.cuda
        self.flush_buffer = None
        if self.cuda:
            l2 = getattr(torch.cuda.get_device_properties(0), "L2_cache_size", 64 << 20)
            self.flush_buffer = torch.empty(max(256 << 20, 4 * l2), dtype=torch.uint8, device="cuda")
        self.env = self.describe()

    # ---- machine
    def describe(self):
        e = dict(torch=torch.__version__, python=platform.python_version(), device=self.dev, quick=self.a.quick,
                 threads=torch.get_num_threads(), argv=sys.argv[1:])
        if self.cuda:
            p = torch.cuda.get_device_properties(0)
            e.update(gpu=p.name, sms=p.multi_processor_count, memory=p.total_memory, cuda=torch.version.cuda,
                     l2=getattr(p, "L2_cache_size", None), cudnn=torch.backends.cudnn.version())
            with contextlib.suppress(Exception):
                e["nvidia_smi"] = subprocess.run(
                    ["nvidia-smi", "--query-gpu=driver_version,clocks.sm,clocks.max.sm,clocks.mem,power.limit,temperature.gpu",
                     "--format=csv,noheader"], capture_output=True, text=True, timeout=20).stdout.strip()
        else:
            with contextlib.suppress(Exception):
                e["cpu"] = next(l.split(":")[1].strip() for l in open("/proc/cpuinfo") if l.startswith("model name"))
        with contextlib.suppress(Exception):
            import transformers
            e["transformers"] = transformers.__version__
        return e

    def sync(self):
        if self.cuda:
            torch.cuda.synchronize()

    def left(self):
        return self.a.deadline - (time.monotonic() - self.t0)

    # ---- sizes and inputs
    def n(self, size, least=8):
        """The size asked for, or an eighth of it in a quick run on the CPU."""
        return max(least, size // 8) if self.shrink else size

    def rand(self, *shape, dtype=torch.float32, grad=False, scale=1.0):
        x = torch.randn(shape, device=self.dev, dtype=torch.float32).mul_(scale).to(dtype)
        return x.requires_grad_(grad)

    # ---- timing
    def times(self, fn, flush):
        """Milliseconds of every repeat of one op."""
        for _ in range(1 if self.a.quick else 3):
            fn()
        self.sync()
        t = time.perf_counter(); fn(); self.sync()
        est = max(time.perf_counter() - t, 1e-6)
        reps = 3 if self.a.quick else int(min(200, max(15, self.a.seconds / est)))
        out = []
        if self.cuda:
            sleep = 1_500_000 if est < 5e-3 else 0          # about 0.8 ms: the host gets ahead of the GPU
            pairs = []
            for _ in range(reps):
                a, b = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
                if flush:
                    self.flush_buffer.random_(0, 255) if not pairs else self.flush_buffer.add_(1)
                if sleep:
                    torch.cuda._sleep(sleep)
                a.record(); fn(); b.record()
                pairs.append((a, b))
                if len(pairs) % 50 == 0:
                    torch.cuda.synchronize()
            torch.cuda.synchronize()
            out = [a.elapsed_time(b) for a, b in pairs]
        else:
            for _ in range(reps):
                t = time.perf_counter(); fn(); out.append((time.perf_counter() - t) * 1e3)
        return out

    def step_times(self, fn):
        """Milliseconds per step of steps that follow one another, and their number."""
        for _ in range(1 if self.a.quick else 3):
            fn()
        self.sync()
        t = time.perf_counter(); fn(); self.sync()
        est = time.perf_counter() - t
        reps = 2 if self.a.quick else int(min(60, max(6, 2.5 * self.a.seconds / est)))
        if not self.cuda:
            out = []
            for _ in range(reps):
                t = time.perf_counter(); fn(); out.append((time.perf_counter() - t) * 1e3)
            return out
        marks = [torch.cuda.Event(enable_timing=True) for _ in range(reps + 1)]
        marks[0].record()
        for m in marks[1:]:
            fn(); m.record()
        torch.cuda.synchronize()
        return [a.elapsed_time(b) for a, b in zip(marks, marks[1:])]

    # ---- rows
    def row(self, case, variant, ms=None, flop=None, bytes=None, notes="", **extra):
        r = dict(case=case, variant=variant)
        if ms:
            s = sorted(ms)
            pick = lambda p: s[min(len(s) - 1, max(0, round(p * (len(s) - 1))))]
            r.update(ms_median=pick(.5), ms_p10=pick(.1), ms_p90=pick(.9), reps=len(s))
            if flop:
                r["tflops"] = flop / r["ms_median"] / 1e9
            if bytes:
                r["gbps"] = bytes / r["ms_median"] / 1e6
            if videos := extra.pop("videos", None):
                r["videos_per_s"] = videos / r["ms_median"] * 1e3
        r.update(extra)
        if self.shrink:
            notes = (notes + "; " if notes else "") + "shrunk shapes"
        r["notes"] = notes
        self.rows.append(r)
        self.print_row(r)
        self.save()
        return r

    def skip(self, case, variant, why):
        self.row(case, variant, notes="skipped: " + " ".join(str(why).split())[:200])

    def print_row(self, r):
        f = lambda k, w, p: f"{r[k]:{w}.{p}f}" if k in r else " " * (w - 1) + "-"
        more = "".join(f" {k}={r[k]:.4g}" for k in ("videos_per_s", "peak_gib", "first_call_s") if k in r)
        print(f"{r['case']:<46} {r['variant']:<16} {f('ms_median',11,4)} {f('ms_p10',10,4)} {f('ms_p90',10,4)} "
              f"{f('tflops',9,2)} {f('gbps',9,1)} {more} {r['notes'][:110]}", flush=True)

    def header(self):
        print(json.dumps(self.env))
        print(f"{'case':<46} {'variant':<16} {'ms median':>11} {'p10':>10} {'p90':>10} {'TFLOP/s':>9} {'GB/s':>9}  notes", flush=True)

    def save(self):
        if not self.a.json:
            return
        tmp = self.a.json + ".part"
        with open(tmp, "w") as f:
            json.dump(dict(env=self.env, seconds=round(time.monotonic() - self.t0, 1), rows=self.rows), f, indent=1)
        os.replace(tmp, self.a.json)

    # ---- running one measured thing without letting it stop the rest
    def measure(self, case, variant, make, flush=False, flop=None, bytes=None, notes="", compiled=False):
        """make() returns the function to time; everything it allocates dies with it."""
        if not self.wanted(case, variant):
            return
        if self.left() < 5:
            return self.skip(case, variant, "out of time")
        limit = min(self.a.compile_timeout if compiled else self.a.case_timeout, self.left())
        extra, fn = {}, None
        try:
            with alarm(limit):
                with precision(variant.split("/")[0]):
                    fn = make()
                    if compiled:
                        t = time.perf_counter(); fn(); self.sync()
                        extra["first_call_s"] = time.perf_counter() - t
                    ms = self.times(fn, flush)
            self.row(case, variant, ms, flop, bytes, notes, **extra)
        except TimeUp:
            self.skip(case, variant, f"not done within {limit:.0f} s")
        except KeyboardInterrupt:
            raise
        except BaseException as e:
            self.skip(case, variant, f"{type(e).__name__}: {e}")
        finally:
            del fn
            if compiled:
                torch._dynamo.reset()
            self.tidy()

    def tidy(self):
        gc.collect()
        if self.cuda:
            with contextlib.suppress(Exception):
                torch.cuda.synchronize()
            torch.cuda.empty_cache()

    def wanted(self, case, variant):
        return not self.a.match or re.search(self.a.match, f"{case} {variant}")

    def compile_wanted(self, prec):
        c = self.a.compile
        return c == "all" or (c == "some" and prec in ("fp32", "bf16"))


@contextlib.contextmanager
def alarm(seconds):
    def ring(*_):
        raise TimeUp()
    old = signal.signal(signal.SIGALRM, ring)
    signal.setitimer(signal.ITIMER_REAL, max(1, seconds))
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, old)


@contextlib.contextmanager
def precision(name):
    """fp32 means IEEE float32; tf32 lets matmuls and convolutions round their inputs to TF32."""
    on = name == "tf32"
    torch.backends.cuda.matmul.allow_tf32 = on
    torch.backends.cudnn.allow_tf32 = on
    yield
    torch.backends.cuda.matmul.allow_tf32 = False
    torch.backends.cudnn.allow_tf32 = False


def compiled(fn):
    return torch.compile(fn, dynamic=False)


# =========================================================================== names
# shapes are spelled as in kernels/shared/shape_name.ts
def product_name(rows, inner, columns):
    return f"{rows}³" if rows == inner == columns else f"{rows} × {inner} → {columns}"


def rows_name(rows, columns):
    return f"{rows} × {columns}"


def heads_name(heads, tokens, head_dim):
    return f"{heads} heads, {tokens} tokens of {head_dim}"


# =========================================================================== roofs
def roofs(b):
    for mib in ([1024, 256, 64] if not b.shrink else [8]):
        n = mib << 18
        def copy():
            x, y = b.rand(n), b.rand(n)
            return lambda: y.copy_(x)
        def add():
            x, y, z = b.rand(n), b.rand(n), b.rand(n)
            return lambda: torch.add(x, y, out=z)
        def total():
            x = b.rand(n)
            return lambda: x.sum()
        b.measure(f"roof copy {mib} MiB", "fp32/eager", copy, True, bytes=2 * mib << 20, notes="bytes read + written")
        b.measure(f"roof add {mib} MiB", "fp32/eager", add, True, bytes=3 * mib << 20, notes="2 reads + 1 write")
        b.measure(f"roof sum {mib} MiB", "fp32/eager", total, True, bytes=mib << 20, notes="1 read")
    for size in (4096, 8192):
        n = b.n(size) if not b.shrink else size // 16
        for prec, dt in DTYPES.items():
            def mm():
                x, y, z = b.rand(n, n, dtype=dt), b.rand(n, n, dtype=dt), b.rand(n, n, dtype=dt)
                return lambda: torch.mm(x, y, out=z)
            b.measure(f"roof matmul {product_name(n, n, n)}", f"{prec}/eager", mm, flop=2 * n**3, notes="2MNK")


# =========================================================================== matmul
def matmul(b):
    shapes = [(1600, 768, 3072), (1600, 3072, 768), (12608, 768, 2304), (12608, 768, 3072),
              (512,) * 3, (1024,) * 3, (2048,) * 3]
    for M, K, N in shapes:
        m, k, n = b.n(M), b.n(K), b.n(N)
        for form in ("Y=XW", "dX=dY.Wt", "dW=Xt.dY"):
            for prec, dt in DTYPES.items():
                def make():
                    x, w, dy = (b.rand(*s, dtype=dt) for s in ((m, k), (k, n), (m, n)))
                    if form[0] == "Y":
                        o = torch.empty(m, n, device=b.dev, dtype=dt); return lambda: torch.mm(x, w, out=o)
                    if form[:2] == "dX":
                        o = torch.empty(m, k, device=b.dev, dtype=dt); return lambda: torch.mm(dy, w.t(), out=o)
                    o = torch.empty(k, n, device=b.dev, dtype=dt); return lambda: torch.mm(x.t(), dy, out=o)
                b.measure(f"matmul {product_name(m, k, n)} {form}", f"{prec}/eager", make, flop=2 * m * n * k, notes="2MNK")
    # the fused form that a hand-written kernel competes with: linear + bias + QuickGELU
    m, k, n = b.n(12608), b.n(768), b.n(3072)
    def layer(x, w, c):
        y = torch.addmm(c, x, w)
        return y * torch.sigmoid(1.702 * y)
    for prec, dt in DTYPES.items():
        for mode in ("eager", "compile"):
            if mode == "compile" and not b.compile_wanted(prec):
                continue
            def make():
                x, w, c = b.rand(m, k, dtype=dt), b.rand(k, n, dtype=dt, scale=.02), b.rand(n, dtype=dt)
                f = compiled(layer) if mode == "compile" else layer
                return lambda: f(x, w, c)
            b.measure(f"linear+bias+quickgelu {product_name(m, k, n)}", f"{prec}/{mode}", make, flop=2 * m * n * k,
                      notes="2MNK only", compiled=mode == "compile")
    # a plain product compiles to the same library call as eager, so torch.compile is timed on the fused form only


# =========================================================================== attention
def sdpa(b):
    cases = [(384, 50, 64, False), (96, 197, 64, False), (96, 198, 64, False), (16, 1569, 64, False),
             (4, 6273, 64, False), (64, 77, 64, True)]
    for bh, s, d, causal in cases:
        h, q = (max(1, bh // 8), max(8, s // 8)) if b.shrink else (bh, s)
        work = h * q * q * d * (.5 if causal else 1)
        name = f"sdpa {heads_name(h, q, d)}" + (", causal" if causal else "")
        for prec, dt in DTYPES.items():
            for kind in ("fwd", "fwd+bwd"):
                def make():
                    t = [b.rand(1, h, q, d, dtype=dt, grad=kind != "fwd") for _ in range(3)]
                    do = b.rand(1, h, q, d, dtype=dt)
                    f = lambda: F.scaled_dot_product_attention(*t, is_causal=causal)
                    return f if kind == "fwd" else lambda: torch.autograd.grad(f(), t, do)
                b.measure(f"{name} {kind}", f"{prec}/eager", make, flop=(4 if kind == "fwd" else 14) * work,
                          notes=("4" if kind == "fwd" else "4+10") + " BH.S^2.D" + (", causal counts half" if causal else "")
                          + "; backend torch's own choice")


# =========================================================================== convolution
def pictures(b, frames, size, channels, dt, grad=False):
    """Channels last, which cuDNN's tensor cores want: [frames, size, size, channels] in memory, as ours is."""
    x = b.rand(frames, channels, size, size, dtype=dt).contiguous(memory_format=torch.channels_last)
    return x.requires_grad_(grad)


def convolution(b):
    torch.backends.cudnn.benchmark = True        # the quickest of its algorithms, which it tries in the first calls
    cases = [("ResNet-50: 3 × 3 at 56² × 64, 64 frames", 64, 56, 64, 64, 1),
             ("ResNet-50, 4 frames: 3 × 3 at 14² × 256", 4, 14, 256, 256, 1),
             ("ResNet-50, 2 frames: 3 × 3 by 2 at 28² × 256", 2, 28, 256, 256, 2)]
    for name, frames, size, inner, outer, stride in cases:
        t, s = b.n(frames, 1), b.n(size)
        flop = 2 * t * (s // stride) ** 2 * outer * inner * 9
        for prec, dt in DTYPES.items():
            for kind in ("fwd", "fwd+bwd"):
                def make():
                    x = pictures(b, t, s, inner, dt, kind != "fwd")
                    w = b.rand(outer, inner, 3, 3, dtype=dt, scale=.05).contiguous(memory_format=torch.channels_last)
                    w.requires_grad_(kind != "fwd")
                    dy = pictures(b, t, s // stride, outer, dt)
                    f = lambda: F.conv2d(x, w, stride=stride, padding=1)
                    return f if kind == "fwd" else lambda: torch.autograd.grad(f(), (x, w), dy)
                b.measure(f"convolution {name} {kind}", f"{prec}/eager", make, flop=flop * (1 if kind == "fwd" else 3),
                          notes="2 x pixels x weights" + ("" if kind == "fwd" else ", three times") + "; channels last")


# =========================================================================== memory-bound kernels
def pointwise(b, name, shape, fn, make_args, prec, fwd_units, both_units, unit_note, elements):
    dt = DTYPES[prec]
    size = torch.empty((), dtype=dt).element_size()
    for kind in ("fwd", "fwd+bwd"):
        units = fwd_units if kind == "fwd" else both_units
        if units is None:
            continue
        for mode in ("eager", "compile"):
            if mode == "compile" and not b.compile_wanted(prec):
                continue
            def make():
                args, wrt, dy = make_args(dt, kind != "fwd")
                f = compiled(fn) if mode == "compile" else fn
                if kind == "fwd":
                    return lambda: f(*args)
                return lambda: torch.autograd.grad(f(*args), wrt, dy)
            b.measure(f"{name} {rows_name(*shape)} {kind}", f"{prec}/{mode}", make, True, bytes=units * size * elements,
                      notes=f"{units} x elements x {size} B ({unit_note})", compiled=mode == "compile")


def layernorm(b):
    for rows, d in ((12608, 768), (65536, 768), (65536, 1024)):
        rows = b.n(rows)
        def args(dt, grad):
            x = b.rand(rows, d, dtype=dt, grad=grad)
            w, c = b.rand(d, dtype=dt, grad=grad), b.rand(d, dtype=dt, grad=grad)
            return (x, w, c), (x, w, c), b.rand(rows, d, dtype=dt)
        for prec in ("fp32", "fp16", "bf16"):
            pointwise(b, "layer_norm", (rows, d), lambda x, w, c: F.layer_norm(x, (d,), w, c, 1e-5), args, prec, 2, 5,
                      "fwd x,y; bwd x,dy,dx", rows * d)


def gelu(b):
    rows, d = b.n(12608), b.n(3072)
    def args(dt, grad):
        x = b.rand(rows, d, dtype=dt, grad=grad)
        return (x,), (x,), b.rand(rows, d, dtype=dt)
    for name, fn in (("gelu tanh", lambda x: F.gelu(x, approximate="tanh")), ("quickgelu", lambda x: x * torch.sigmoid(1.702 * x))):
        for prec in ("fp32", "fp16", "bf16"):
            pointwise(b, name, (rows, d), fn, args, prec, 2, 5, "fwd x,y; bwd x,dy,dx", rows * d)


def softmax_ce(b):
    for rows, c in ((256, 400), (4096, 400)):
        rows = b.n(rows)
        def args(dt, grad):
            x = b.rand(rows, c, dtype=dt, grad=grad, scale=3)
            y = torch.softmax(b.rand(rows, c, scale=3), 1).to(dt)
            return (x, y), (x,), torch.ones((), dtype=dt, device=b.dev)
        for prec in ("fp32", "fp16", "bf16"):
            pointwise(b, "softmax-CE soft labels", (rows, c), lambda x, y: F.cross_entropy(x, y), args, prec, 2, 3,
                      "logits, labels, dlogits once each", rows * c)


def batchnorm(b):
    cases = [("256 × 56² × 256, ReLU", 256, 56, 256, True), ("ResNet-50: 8 × 14² × 1024", 8, 14, 1024, False)]
    for name, frames, size, channels, relu in cases:
        t = b.n(frames, 2)
        elements = t * size * size * channels
        for prec in ("fp32", "fp16", "bf16"):
            dt = DTYPES[prec]
            for kind in ("fwd", "fwd+bwd"):
                def make():
                    x = pictures(b, t, size, channels, dt, kind != "fwd")
                    w, c = b.rand(channels, grad=kind != "fwd"), b.rand(channels, grad=kind != "fwd")
                    mean, var = b.rand(channels), b.rand(channels).abs()
                    dy = pictures(b, t, size, channels, dt)
                    norm = lambda: F.batch_norm(x, mean, var, w, c, training=True)
                    f = (lambda: F.relu_(norm())) if relu else norm
                    return f if kind == "fwd" else lambda: torch.autograd.grad(f(), (x, w, c), dy)
                units = 2 if kind == "fwd" else 5
                b.measure(f"batchnorm {name} {kind}", f"{prec}/eager", make, True,
                          bytes=units * elements * torch.empty((), dtype=dt).element_size(),
                          notes=f"{units} x elements (fwd x,y; bwd x,dy,dx); batch statistics, channels last")


# =========================================================================== AdamW
def adamw(b):
    def optimizer(params):
        how = dict(fused=True) if b.cuda else dict(foreach=True)
        return torch.optim.AdamW(params, lr=1e-5, betas=(.9, .98), eps=1e-8, weight_decay=1e-3, **how)
    total = b.n(196_585_729)
    def flat():
        return [torch.Size([total])]
    def xclip_shapes():
        with torch.device("meta"):
            return [p.shape for p in xclip_model(b, 32).parameters()]
    for name, shapes in (("1 tensor", flat), ("X-CLIP-B/32 tensors", xclip_shapes)):
        try:
            sizes = shapes()
        except BaseException as e:
            b.skip(f"AdamW {name}", "fp32/fused", f"{type(e).__name__}: {e}")
            continue
        count = sum(math.prod(s) for s in sizes)
        def make():
            params = [torch.nn.Parameter(b.rand(*s, scale=.02)) for s in sizes]
            for p in params:
                p.grad = b.rand(*p.shape, scale=1e-3)
            o = optimizer(params)
            o.step()
            return o.step
        b.measure(f"AdamW {count/1e6:.1f} M params, {len(sizes)} tensors", "fp32/" + ("fused" if b.cuda else "foreach"), make,
                  True, bytes=28 * count, notes=f"28 B a parameter: read p,g,m,v, write p,m,v ({name})")


# =========================================================================== X-CLIP
def xclip_model(b, patch):
    from transformers import XCLIPConfig, XCLIPModel
    text, vision, more = {}, dict(patch_size=patch, num_frames=8), {}
    if b.shrink:     # the same structure, small: proves every line on a CPU
        text = dict(hidden_size=64, intermediate_size=256, num_hidden_layers=2, num_attention_heads=2, vocab_size=512)
        vision.update(hidden_size=96, intermediate_size=384, num_hidden_layers=2, num_attention_heads=3, image_size=64,
                      mit_hidden_size=64, mit_intermediate_size=256, mit_num_attention_heads=2, num_frames=4)
        more = dict(projection_dim=64, prompt_num_attention_heads=2)
    return XCLIPModel(XCLIPConfig(text_config=text, vision_config=vision, **more))


def text_features(model, ids):
    out = model.text_model(input_ids=ids)
    return model.text_projection(out[1])


def video_logits(model, pixels, text):
    """XCLIPModel.forward with the text features given, as the official recipe caches them."""
    B, T = pixels.shape[:2]
    seen = model.vision_model(pixel_values=pixels.flatten(0, 1))
    video = model.mit(model.visual_projection(seen[1]).view(B, T, -1))[1]
    patches = model.prompts_visual_layernorm(seen[0][:, 1:, :]) @ model.prompts_visual_projection
    patches = patches.view(B, T, -1, video.shape[-1]).mean(dim=1)
    text = text.unsqueeze(0).expand(B, -1, -1)
    text = text + model.prompts_generator(text, patches)
    video = video / video.norm(p=2, dim=-1, keepdim=True)
    text = text / text.norm(p=2, dim=-1, keepdim=True)
    return torch.einsum("bd,bkd->bk", video, model.logit_scale.exp() * text)


def xclip_flop(c, B, K, with_text):
    """FLOP (2 x multiply-adds) of one forward: products and attention only."""
    v, t = c.vision_config, c.text_config
    d, L, p, e, T = v.hidden_size, v.num_hidden_layers, v.patch_size, c.projection_dim, v.num_frames
    n = (v.image_size // p) ** 2
    N = n + 1
    w, ctx = t.hidden_size, t.max_position_embeddings
    vision = T * (n * 3 * p * p * d + L * (4 * (N + 1) * d * d + 2 * (N + 1) ** 2 * d + 8 * N * d * d + 5 * d * d + 2 * T * d) + d * e)
    prompts = T * n * d * e + 2 * (2 * n * e * e + K * (2 * e * e + 2 * n * e + 8 * e * e))
    mit = 12 * T * e * e + 2 * T * T * e
    text = t.num_hidden_layers * (12 * ctx * w * w + 2 * ctx * ctx * w) + w * e
    return 2 * (B * (vision + prompts + mit) + (K * text if with_text else 0))


def xclip(b):
    plans = [("X-CLIP-B/32 8f", 32, (8, 32), 8), ("X-CLIP-B/16 8f", 16, (4,), 4)]
    K = 400
    for name, patch, forward_batches, train_batch in plans:
        if b.shrink:
            K, forward_batches, train_batch = 6, (2,), 2
        try:
            torch.manual_seed(0)
            model = xclip_model(b, patch).to(b.dev)
        except BaseException as e:
            b.skip(name, "-", f"{type(e).__name__}: {e}")
            continue
        c = model.config
        ids = torch.randint(1, c.text_config.vocab_size - 2, (K, c.text_config.max_position_embeddings), device=b.dev)
        ids[:, 5:] = 0
        ids[:, 5] = c.text_config.vocab_size - 1                   # the end token: the largest id
        pixels = lambda B: b.rand(B, c.vision_config.num_frames, 3, c.vision_config.image_size, c.vision_config.image_size)
        same = xclip_same(b, model, ids[:3], pixels(1))
        params = sum(p.numel() for p in model.parameters())
        about = f"{params/1e6:.1f} M params, {K} texts, attention {c._attn_implementation}, cached-text path differs from XCLIPModel.forward by {same:.1e}"
        print(f"# {name}: {about}", flush=True)
        b.env.setdefault("models", {})[name] = about

        for prec in ("fp32", "tf32", "bf16"):
            for mode in ("eager", "compile"):
                if mode == "compile" and not (b.a.compile == "all" or b.a.compile == "some" and prec != "fp32"):
                    continue
                for B in forward_batches:
                    xclip_forward(b, name, model, ids, pixels, B, prec, mode, False)
                if mode == "eager":
                    xclip_forward(b, name, model, ids, pixels, forward_batches[0], prec, mode, True)
                xclip_step(b, name, model, ids, pixels, train_batch, prec, mode, False)
                if mode == "eager":
                    xclip_step(b, name, model, ids, pixels, train_batch, prec, mode, True)
        del model
        b.tidy()


def xclip_same(b, model, ids, pixels):
    with torch.no_grad():
        want = model(input_ids=ids, pixel_values=pixels).logits_per_video
        return (video_logits(model, pixels, text_features(model, ids)) - want).abs().max().item()


def cast(b, prec):
    return torch.autocast(b.dev, dtype=torch.bfloat16) if prec == "bf16" else contextlib.nullcontext()


def xclip_run(b, case, variant, make, B, flop, notes, is_compiled):
    """Time one model function; a row with videos a second and the peak memory."""
    if not b.wanted(case, variant):
        return
    if b.left() < 20:
        return b.skip(case, variant, "out of time")
    limit = min(b.a.compile_timeout if is_compiled else b.a.case_timeout, b.left())
    extra, fn = {}, None
    try:
        with alarm(limit), precision(variant.split("/")[0]):
            if b.cuda:
                torch.cuda.reset_peak_memory_stats()
            t = time.perf_counter(); fn = make(); fn(); b.sync()
            extra["first_call_s"] = time.perf_counter() - t          # compilation included
            ms = b.step_times(fn)
        peak = torch.cuda.max_memory_allocated() if b.cuda else resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
        less = b.flush_buffer.numel() if b.cuda else 0
        b.row(case, variant, ms, flop, None, notes, videos=B, peak_gib=(peak - less) / 2**30, **extra)
    except TimeUp:
        b.skip(case, variant, f"not done within {limit:.0f} s")
    except KeyboardInterrupt:
        raise
    except BaseException as e:
        b.skip(case, variant, f"{type(e).__name__}: {e}")
    finally:
        del fn
        if is_compiled:
            torch._dynamo.reset()
        b.tidy()


def xclip_forward(b, name, model, ids, pixels, B, prec, mode, with_text):
    def make():
        model.eval()
        x = pixels(B)
        with torch.no_grad(), cast(b, prec):
            text = text_features(model, ids).float()
        run = compiled(video_logits) if mode == "compile" else video_logits
        def fn():
            with torch.inference_mode() if mode == "eager" else torch.no_grad(), cast(b, prec):
                return run(model, x, text_features(model, ids) if with_text else text)
        return fn
    kind = "forward, text tower inside" if with_text else "forward, cached text"
    xclip_run(b, f"{name} {kind} B={B}", f"{prec}/{mode}", make, B, xclip_flop(model.config, B, ids.shape[0], with_text),
              "FLOP: products and attention of the forward", mode == "compile")


def xclip_step(b, name, model, ids, pixels, B, prec, mode, with_text):
    frozen = [] if with_text else [p for n, p in model.named_parameters()
                                   if n.startswith(("text_model.", "text_projection.", "logit_scale"))]
    def make():
        model.train()
        for p in model.parameters():
            p.requires_grad_(True)
        for p in frozen:
            p.requires_grad_(False)
        live = [p for p in model.parameters() if p.requires_grad]
        opt = torch.optim.AdamW(live, lr=1e-7, betas=(.9, .98), eps=1e-8, weight_decay=1e-3,
                                **(dict(fused=True) if b.cuda else dict(foreach=True)))
        x, label = pixels(B), torch.randint(0, ids.shape[0], (B,), device=b.dev)
        with torch.no_grad(), cast(b, prec):
            text = text_features(model, ids).float()
        def loss_of(x, label):
            return F.cross_entropy(video_logits(model, x, text_features(model, ids) if with_text else text).float(), label)
        run = compiled(loss_of) if mode == "compile" else loss_of
        def fn():
            opt.zero_grad(set_to_none=True)
            with cast(b, prec):
                loss = run(x, label)
            loss.backward()
            opt.step()
            return loss
        if not math.isfinite(fn().item()):
            raise RuntimeError("the loss is not finite")
        return fn
    kind = "step, text tower trained" if with_text else "step, text frozen and cached"
    # with the text cached, its tower costs nothing; a step is counted as three forwards
    xclip_run(b, f"{name} {kind} B={B}", f"{prec}/{mode}", make, B, 3 * xclip_flop(model.config, B, ids.shape[0], with_text),
              "forward + backward + AdamW; FLOP = 3 forwards", mode == "compile")
    for p in model.parameters():
        p.grad = None


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--device", choices=["cuda", "cpu"], default="cuda" if torch.cuda.is_available() else "cpu")
    p.add_argument("--cases", default="all", help="comma list of: " + ", ".join(GROUPS))
    p.add_argument("--json", default="")
    p.add_argument("--quick", action="store_true", help="few repeats; on the CPU also small shapes and small models")
    p.add_argument("--match", default="", help="regular expression: only rows whose 'case variant' it finds")
    p.add_argument("--compile", choices=["all", "some", "none"], default="some",
                   help="which variants to time under torch.compile (some: fp32 and bf16; models: tf32 and bf16)")
    p.add_argument("--compile-timeout", type=float, default=120, help="seconds for one compiled row, compilation included")
    p.add_argument("--case-timeout", type=float, default=120, help="seconds for any other row")
    p.add_argument("--seconds", type=float, default=.25, help="measuring time aimed at for each row")
    p.add_argument("--deadline", type=float, default=1e9, help="stop starting rows this many seconds after the start")
    a = p.parse_args()
    if a.device == "cuda" and not torch.cuda.is_available():
        sys.exit("torch sees no CUDA device")
    wanted = GROUPS if a.cases == "all" else a.cases.split(",")
    if bad := [c for c in wanted if c not in GROUPS]:
        sys.exit(f"unknown cases {bad}; known: {GROUPS}")
    torch.manual_seed(1)
    b = Bench(a)
    b.header()
    for g in wanted:
        globals()[g](b)
    b.save()
    failed = [r for r in b.rows if r["notes"].startswith("skipped")]
    print(f"# {len(b.rows)} rows, {len(failed)} skipped, {time.monotonic() - b.t0:.0f} s")


if __name__ == "__main__":
    main()
