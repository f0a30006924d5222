/**
 * Which adapters are software. The only place that says so: the engine asks here in Node and in browsers, and the setup
 * asks before any package is installed, so it is plain JavaScript that imports nothing.
 */

/**
 * Of drivers and rasterizers, as Dawn, browsers and the drivers themselves write them. "AMD Software" is no rasterizer.
 */
const NAMES =
  /\b(?:llvmpipe|lavapipe|softpipe|swiftshader|warp)\b|\bbasic.render|\bsoftware.(?:adapter|rasteri[sz]er|renderer)/i;

const namesOf = ({ vendor = '', architecture = '', device = '', description = '' }) =>
  `${vendor} ${architecture} ${device} ${description}`;

/**
 * Whether a processor computes what the adapter is asked for. WebGPU's own word is `isFallbackAdapter`: Dawn and
 * Firefox set it where the driver says that its device is a processor, and Firefox gives no name to go by. An older
 * browser or driver may have names alone.
 */
export function isSoftware(info) {
  return info.isFallbackAdapter === true || info.architecture === 'software' || NAMES.test(namesOf(info));
}

/** SwiftShader, which is right, and 40 times slower than Mesa's lavapipe. */
export function isSwiftShader(info) {
  return /swiftshader/i.test(namesOf(info));
}

/** Mesa's lavapipe, whose device is llvmpipe. */
export function isLavapipe(info) {
  return /\b(?:llvmpipe|lavapipe)\b/i.test(namesOf(info));
}

/** What to call an adapter. Browsers may hide the description, the device, or all: then it goes by their name. */
export function nameOf({ vendor, architecture, device, description }, browser) {
  return [description, device, architecture, vendor].find((word) => word !== undefined && word !== '')
    ?? (browser === undefined ? 'unnamed adapter' : `${browser}, unnamed adapter`);
}
