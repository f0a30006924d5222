/** Systems, what they are made of, and their checkpoints: all of it loads in Node and in browsers. */
export { Clip } from './systems/clip.ts';
export { Xclip } from './systems/xclip.ts';
export { Vit } from './systems/vit.ts';
export { type Architecture, type Choices, CLIP_CONTEXT, CLIP_VOCAB, type ClipConfig, configFor, type ModelConfig,
  PRESETS, type SystemName, validateConfig, type VitConfig, type XclipConfig } from './systems/config.ts';
export { createModel } from './systems/index.ts';
export { type Init, initialise, initialised } from './parts/init.ts';
export { CrossFrameBlock } from './parts/cross_frame.ts';
export { LayerNorm, Linear, Mlp, type Pass, ResidualBlock, SelfAttention, type Tap } from './parts/layers.ts';
export { MultiframeIntegration } from './parts/mit.ts';
export { VideoPrompt } from './parts/prompt.ts';
export { VisionEncoder } from './parts/vit.ts';
export { type TextBatch, textBatch, TextEncoder } from './parts/text.ts';
export { type Compared, inputOf, type ModelOptions, type System, textFeatures, type VideoFeatures, type VideoInput,
  VideoModel } from './systems/system.ts';
export { drawTemplate, sentences, TEMPLATE_MEANS, type TemplateMean, TEMPLATES, type Templates,
  type Wording } from './templates.ts';
export { ClipTokenizer, type TokenRows } from './tokenizer.ts';
export type { Vocabulary } from './vocabulary.ts';
export { bytesInMemory, bytesOfBlob, type ByteSource } from './checkpoint/bytes.ts';
export { openTensors, type TensorFile } from './checkpoint/open.ts';
export { openSafetensors, type SafetensorsFile } from './checkpoint/safetensors.ts';
export { configFromHuggingFace, configToHuggingFace } from './checkpoint/huggingface.ts';
export { officialPreprocessor, type Preprocessor, preprocessorFromHuggingFace } from './checkpoint/preprocessor.ts';
export { loadWeights } from './checkpoint/loading.ts';
export { encodeModel } from './checkpoint/encoding.ts';
export { Weights } from './checkpoint/weights.ts';
