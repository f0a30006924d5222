"""PyTorch on the processor, the tasks of task.ts: what torch_cpu.ts asks for, one line of JSON and raw f32 at a time.

Asked and answered:
  {"ask": "version"}                                              {"version": "1.13.1, OpenBLAS 0.3.21 ..."}
  {"ask": "prepare", "formula", "direction", "heads", "wrt", "adamw", "steps", "operands": [[name, shape], ...]}
    and then the operands' bytes, in that order                  {}
  {"ask": "outputs"}                                              {"outputs": [[name, size], ...]} and then their bytes
  {"ask": "round", "calls": 8}                                    {}
The first argument is how many threads PyTorch may take; 0: as it wishes.
"""
import ctypes, json, math, re, sys

import numpy as np
import torch
import torch.nn.functional as F

EPS = 1e-5


def version():
    """PyTorch's version and the BLAS that multiplies for it: the library that is mapped once it has multiplied."""
    torch.mm(torch.ones(64, 64), torch.ones(64, 64))
    with open("/proc/self/maps") as maps:
        paths = {line.split()[-1] for line in maps if re.search(r"(blas|blis|mkl_rt|mkl_core|atlas)[^/]*\.so", line)}
    for path in sorted(paths):
        try:
            config = ctypes.CDLL(path).openblas_get_config
        except (OSError, AttributeError):
            continue
        config.restype = ctypes.c_char_p
        return f"{torch.__version__}, {config().decode().split(' NO_')[0]}"
    built_with = re.search(r"BLAS_INFO=(\w+)", torch.__config__.show())
    name = built_with.group(1) if built_with else "unknown"
    # what Debian calls generic is the reference implementation, unless another library takes its place
    if name == "generic" and not any(re.search(r"blis|mkl|atlas", path) for path in paths):
        raise RuntimeError("its BLAS is the reference one, which is no measure: install libopenblas0-pthread")
    return f"{torch.__version__}, BLAS {name}"


def attention(query, key, value):
    if hasattr(F, "scaled_dot_product_attention"):
        return F.scaled_dot_product_attention(query, key, value)
    weights = torch.softmax(query @ key.transpose(-2, -1) * query.shape[-1] ** -0.5, dim=-1)
    return weights @ value


def block(x, p, heads, prefix=""):
    of = lambda name: p[prefix + name]
    images, tokens, width = x.shape
    normal = F.layer_norm(x, (width,), of("ln1.weight"), of("ln1.bias"), EPS)
    qkv = F.linear(normal, of("qkv.weight"), of("qkv.bias"))
    parts = qkv.view(images, tokens, 3, heads, width // heads).permute(2, 0, 3, 1, 4)
    attended = attention(*parts).transpose(1, 2).reshape(images, tokens, width)
    middle = x + F.linear(attended, of("out.weight"), of("out.bias"))
    normal = F.layer_norm(middle, (width,), of("ln2.weight"), of("ln2.bias"), EPS)
    hidden = F.linear(normal, of("expand.weight"), of("expand.bias"))
    return middle + F.linear(hidden * torch.sigmoid(1.702 * hidden), of("contract.weight"), of("contract.bias"))


def cross_entropy(logits, target):
    return -(target * torch.log_softmax(logits, dim=-1)).sum(-1).mean()


FORWARD = {
    "matmul": lambda o, heads: o["a"] @ o["b"],
    "layernorm": lambda o, heads: F.layer_norm(o["x"], o["x"].shape[-1:], o["weight"], o["bias"], EPS),
    "gelu": lambda o, heads: F.gelu(o["x"]),
    "cross_entropy": lambda o, heads: cross_entropy(o["logits"], o["target"]),
    "attention": lambda o, heads: attention(o["query"], o["key"], o["value"]),
    "convolution": lambda o, heads: F.conv2d(o["x"], o["weight"], padding=(o["weight"].shape[-1] - 1) // 2),
    "block": lambda o, heads: block(o["x"], o, heads),
}


def simple(task, o):
    """y, and with a gradient d<name> of each of wrt."""
    forward, wrt = FORWARD[task["formula"]], task["wrt"]
    if task["direction"] == "forward":
        def call():
            with torch.no_grad():
                return {"y": forward(o, task["heads"])}
        return call
    leaves = {name: value.requires_grad_(name in wrt) for name, value in o.items()}

    def call():
        y = forward(leaves, task["heads"])
        gradients = torch.autograd.grad(y, [leaves[name] for name in wrt], o.get("dy"))
        return {"y": y, **{f"d{name}": gradient for name, gradient in zip(wrt, gradients)}}
    return call


def optimizer(task, parameters):
    s = task["adamw"]
    return torch.optim.AdamW(parameters, lr=s["lr"], betas=(s["beta1"], s["beta2"]), eps=s["eps"],
                             weight_decay=s["weightDecay"])


def update(task, o):
    """The first step from given moments: the state that AdamW would have made."""
    values = torch.nn.Parameter(o["values"])
    values.grad = o["grads"]
    adamw = optimizer(task, [values])
    # older versions count in a number, newer ones in a tensor
    adamw.state[values] = {"step": torch.tensor(0.0), "exp_avg": o["m"], "exp_avg_sq": o["v"]}

    def call():
        adamw.step()
        return {"values": values.data, "m": o["m"], "v": o["v"]}
    return call


def training(task, o):
    """Training steps of the small vision transformer, one after another."""
    parameters = {name: torch.nn.Parameter(o[name]) for name in task["wrt"]}
    adamw = optimizer(task, list(parameters.values()))
    layers = sum(name.endswith(".ln1.weight") for name in parameters)

    def call():
        adamw.zero_grad(set_to_none=True)
        p = parameters
        patches = F.linear(o["patches"], p["embed.weight"], p["embed.bias"])
        x = torch.cat([p["class"].expand(len(patches), 1, -1), patches], dim=1) + p["positions"]
        for layer in range(layers):
            x = block(x, p, task["heads"], f"block{layer}.")
        normal = F.layer_norm(x[:, 0], x.shape[-1:], p["ln.weight"], p["ln.bias"], EPS)
        loss = cross_entropy(F.linear(normal, p["head.weight"], p["head.bias"]), o["target"])
        loss.backward()
        adamw.step()
        return {"loss": loss.detach()}
    return call


def answer(header, bytes_=()):
    sys.stdout.buffer.write(json.dumps(header).encode() + b"\n")
    for part in bytes_:
        sys.stdout.buffer.write(part)
    sys.stdout.buffer.flush()


def main():
    threads = int(sys.argv[1])
    if threads > 0:
        torch.set_num_threads(threads)
    call, task = None, None
    for line in iter(sys.stdin.buffer.readline, b""):
        asked = json.loads(line)
        if asked["ask"] == "version":
            answer({"version": version()})
        elif asked["ask"] == "prepare":
            task, operands = asked, {}
            for name, shape in asked["operands"]:
                data = sys.stdin.buffer.read(4 * math.prod(shape))
                operands[name] = torch.from_numpy(np.frombuffer(data, dtype=np.float32).copy()).reshape(shape)
            kind = {"adamw": update, "vit": training}.get(asked["formula"], simple)
            call = kind(asked, operands)
            answer({})
        elif asked["ask"] == "outputs":
            if task["formula"] == "vit":
                results = {"losses": torch.stack([call()["loss"] for _ in range(task["steps"])])}
            else:
                results = call()
            arrays = {name: value.detach().contiguous().numpy() for name, value in results.items()}
            answer({"outputs": [[name, array.size] for name, array in arrays.items()]},
                   [array.tobytes() for array in arrays.values()])
        else:
            for _ in range(asked["calls"]):
                call()
            answer({})


main()
