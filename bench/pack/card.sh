#!/bin/sh
# What is to be known of a GPU, measured in one go: Firstlight and PyTorch in turn, every file into FOLDER.
#
#   ./card.sh FOLDER [PART ...]
#
# Parts, all of them in this order if none is named:
#   sweep     every kernel x case x variant against float64, in f32 and f16, and twice for equal bits
#   verify    fixtures of X-CLIP, of the other systems and of their operations, in f32 and f16, by every variant
#   kernels   kernels at the sizes of models, f32 and f16, and PyTorch at the same
#   ratios    convolutions, batch norm and attention of windows beside what they are compared with
#   step      X-CLIP tiny, B/32 and B/16, the other systems as published, forward and training step, f32 and f16, and
#             PyTorch at X-CLIP's
#   text      the training step with a text tower that learns
#   compiled  PyTorch's models under torch.compile
#   beside    the tables of all that is in FOLDER
# A part that fails is told, and the next one begins.
set -u
here=$(cd "$(dirname "$0")" && pwd)
[ $# -gt 0 ] || { sed -n '2,17s/^# \{0,1\}//p' "$0"; exit 2; }
mkdir -p "$1"; folder=$(cd "$1" && pwd); shift
[ $# -gt 0 ] || set -- sweep verify kernels ratios step text compiled beside
failed=0

# Runs a command of firstlight.sh, with its output on the screen and in FOLDER/NAME.log.
run() {
  name=$1; shift
  echo "== $name: firstlight.sh $*"
  { "$here/firstlight.sh" "$@" 2>&1; echo $? > "$folder/$name.status"; } | tee "$folder/$name.log"
  status=$(cat "$folder/$name.status"); rm "$folder/$name.status"
  [ "$status" = 0 ] || { failed=1; echo "== $name ended with $status"; }
}

fixtures=${FIRSTLIGHT_UNPACKED:-${TMPDIR:-/tmp}/firstlight}/project/test/fixtures
for part; do
  case $part in
    sweep)
      run sweep sweep ;;
    verify)
      run verify verify "$fixtures/xclip" "$fixtures/systems" --variant all
      run verify_f16 verify "$fixtures/xclip" "$fixtures/systems" --dtype f16 --variant all ;;
    kernels)
      run kernels bench --models --json "$folder/kernels.json"
      run torch_kernels torch --cases roofs,matmul,sdpa,convolution,layernorm,gelu,softmax_ce,batchnorm,adamw --compile none --json "$folder/torch_kernels.json"
      run kernels_f16 bench --models --dtype f16 --json "$folder/kernels_f16.json" ;;
    ratios)
      run ratios bench --ratios ;;
    step)
      run step bench --step --json "$folder/step.json"
      run torch_step torch --cases xclip --compile none --json "$folder/torch_step.json"
      run step_f16 bench --step --precision f16 --json "$folder/step_f16.json" ;;
    text)
      run step_text bench --step --train-text --json "$folder/step_text.json"
      run step_text_f16 bench --step --train-text --precision f16 --json "$folder/step_text_f16.json" ;;
    compiled)
      run torch_compiled torch --cases xclip --match compile --json "$folder/torch_compiled.json" ;;
    beside)
      run beside bench --torch "$folder" ;;
    *) echo "card.sh: there is no part $part"; exit 2 ;;
  esac
done
exit $failed
