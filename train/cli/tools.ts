/** Commands about checkpoints, the installation and the kernels. */
import { command, type Commands, writableOf } from './command.ts';
import { writable } from './file_names.ts';

/** In the order the help lists them. */
export const tools = {
  inspect: command('inspect', 'Lists what a checkpoint holds, the model that it looks like, and what is missing for it',
    {
      args: {
        checkpoint: { type: 'positional',
          description:
            'a folder, or a file: .safetensors, or .pth, .pt, .bin of PyTorch, of which nothing is executed' },
        json: { type: 'boolean', description: 'print JSON' },
      },
      positionals: { least: 1, most: 1, name: 'a checkpoint' },
      examples: [
        ['firstlight inspect ViT-B-16.pt', "OpenAI's CLIP: which tensors it has, and which parts X-CLIP would draw"],
        ['firstlight inspect xclip-base-patch32 --json', 'for a script'],
      ],
      async run(flags) {
        const { inspect } = await import('../commands/inspect.ts');
        return inspect(flags.words[0], { json: flags.is('json') });
      },
    }),
  convert: command('convert', 'Writes a checkpoint in the names of another origin, exact to the bit', {
    args: {
      from: { type: 'positional', description: 'a folder or a file, as for inspect' },
      to: { type: 'positional',
        description:
          "a folder, in Hugging Face's names; a file in the official ones: .safetensors, or .pth, for torch" },
      'labels-file': { type: 'string', valueHint: 'file',
        description:
          'names for the classes of its head, in the order of its rows: one a line, or a labels.csv (MMAction2 saves none)' },
    },
    positionals: { least: 2, most: 2, name: 'a checkpoint, and what to write' },
    examples: [
      ['firstlight convert k400_32_8.pth xclip-base-patch32', 'an official checkpoint as a folder for transformers'],
      ['firstlight convert runs/k400/model k400_32_8.pth', 'a model of ours for the official code'],
      ['firstlight convert tsm_r50_k400.pth tsm_r50 --labels-file k400/labels.csv',
        "MMAction2's, whose classes have no names, for predict and evaluate"],
    ],
    notes: () =>
      `Every number is kept, bit for bit. f16 and bf16 are written as f32, which has all of theirs. Buffers, optimisers and
heads for other classes are left aside. A file of official names holds its configuration, too: as metadata of
safetensors, and beside \`model\` in a .pth.`,
    async run(flags) {
      const [from, to] = flags.words;
      const { convert } = await import('../commands/convert.ts');
      const file = flags.text('labels-file');
      if (file === undefined) return convert(from, writable(to));
      const { readNames } = await import('../data/sets/lists.ts');
      return convert(from, writable(to), readNames(file));
    },
  }),
  verify: command('verify', 'Checks this installation, on this adapter, against outputs of reference implementations', {
    args: {
      'folder...': { type: 'positional', description: 'folders with fixtures' },
      dtype: { type: 'string', default: 'f32', valueHint: 'f32|f16',
        description: 'how tensors are stored; f16 is compared with what its rounding allows' },
      variant: { type: 'string', valueHint: 'name|all',
        description:
          'run kernels in this variant, or in all of them in turn; without it, in what the adapter chooses' },
      json: { type: 'string', valueHint: 'file', description: 'write every comparison to this file' },
      vocab: { type: 'string', valueHint: 'folder',
        description: "CLIP's vocabulary (vocab.json and merges.txt, or tokenizer.json), for the tokenizer's fixtures" },
    },
    positionals: { least: 1, most: Infinity, name: 'a folder with fixtures' },
    examples: [
      ['firstlight verify test/fixtures/xclip', 'one line for each fixture, exit status 1 if any fails'],
      ['firstlight verify test/fixtures/xclip --dtype f16', 'the same, stored in half precision'],
      ['firstlight verify test/fixtures/xclip --variant all',
        'with every variant of the kernels that this adapter can run'],
      ['firstlight verify fixtures/xclip fixtures/systems --vocab clip_vocab --json verify.json', ''],
    ],
    async run(flags) {
      const { verify } = await import('../commands/verify.ts');
      return verify({ folders: [...flags.words], type: flags.oneOf('dtype', ['f32', 'f16']),
        json: writableOf(flags, 'json'), vocab: flags.text('vocab'), variant: flags.text('variant') });
    },
  }),
  kernel: command('kernel',
    'Prints the WGSL that a case of a kernel is run with, ready to paste into any WebGPU project', {
    args: {
      name: { type: 'positional', required: false, description: 'a room of kernels/; without it, a list of them' },
      variant: { type: 'string', valueHint: 'name',
        description: 'print this variant; without it, what would run on this adapter' },
      case: { type: 'string', valueHint: 'text',
        description: 'a case or workload, or a part of its name; the first case without it' },
      gradient: { type: 'boolean', description: 'the programs of the gradient' },
      dtype: { type: 'string', default: 'f32', valueHint: 'f32|f16', description: 'how tensors are stored' },
      list: { type: 'boolean', description: 'kernels, variants, cases and workloads of the room' },
    },
    positionals: { least: 0, most: 1, name: 'a room' },
    examples: [
      ['firstlight kernel gelu', 'the linked program of its first case, with bindings, params and grid'],
      ['firstlight kernel attention --variant quad --gradient', 'the gradient, in a variant'],
      ['firstlight kernel matmul --list', 'what there is to choose from'],
    ],
    async run(flags) {
      const type = flags.oneOf('dtype', ['f32', 'f16']);
      const { kernel } = await import('../commands/kernel.ts');
      return kernel({ name: flags.words[0], variant: flags.text('variant'), case: flags.text('case'),
        gradient: flags.is('gradient'), type, list: flags.is('list') });
    },
  }),
  doctor: command('doctor', 'Shows adapter, driver, features and limits, what is missing, and the remedy', {
    args: { json: { type: 'boolean', description: 'print JSON' } },
    isShared: true,
    positionals: { least: 0, most: 0, name: '' },
    examples: [['firstlight doctor', ''], ['firstlight doctor --json', 'for a script or a bug report']],
    async run(flags) {
      const { doctor } = await import('../commands/doctor.ts');
      return doctor({ json: flags.is('json') });
    },
  }),
} satisfies Commands;
