/** X-CLIP and CLIP, what they are made of, and their checkpoints: all of it loads in Node and in browsers. */
export { Clip } from './clip.ts';
export { Xclip, type VideoFeatures, type XclipOptions } from './xclip.ts';
export { CLIP_CONTEXT, CLIP_VOCAB, PRESETS, validateConfig, type XclipConfig } from './config.ts';
export { clipMeanFlops, comparisonFlops, textFlops, videoFlops } from './cost.ts';
export { type Init, initialise, initialised } from './init.ts';
export { LayerNorm, Linear, Mlp, type Pass, ResidualBlock, SelfAttention, type Tap } from './layers.ts';
export { MultiframeIntegration } from './mit.ts';
export { VideoPrompt } from './prompt.ts';
export { VisionEncoder } from './vision.ts';
export { type TextBatch, textBatch, TextEncoder } from './text.ts';
export { inputOf, type System, textFeatures, type VideoModel } from './system.ts';
export { drawTemplate, sentences, TEMPLATE_MEANS, type TemplateMean, TEMPLATES, type Templates,
  type Wording } from './templates.ts';
export { ClipTokenizer, type TokenRows, type Vocabulary } from './tokenizer.ts';
export { bytesInMemory, bytesOfBlob, type ByteSource } from './checkpoint/bytes.ts';
export { openTensors, type TensorFile } from './checkpoint/open.ts';
export { openSafetensors, type SafetensorsFile } from './checkpoint/safetensors.ts';
export { configFromHuggingFace, configToHuggingFace } from './checkpoint/huggingface.ts';
export { officialPreprocessor, type Preprocessor, preprocessorFromHuggingFace } from './checkpoint/preprocessor.ts';
export { encodeModel, loadWeights, Weights } from './checkpoint/weights.ts';
