/** What browser and adapter can do. */
import { browserName } from '../../engine/browser_advice.ts';
import { codeOf, sentenceOf } from '../pages/sentence.ts';
import type { Client } from '../worker/client.ts';
import type { Description } from '../worker/protocol.ts';
import { CODECS, decodable } from './codecs.ts';
import { type Findings, yesOrNo } from './findings.ts';
import { size } from './size.ts';
import { examineStorage } from './storage.ts';

/** Of these errors the worker itself is the cause; any other one it told. */
const OF_WORKER = new Set(['FL_WORKER', 'FL_WORKER_SILENT']);

/** What needs no adapter. */
export async function examineBrowser(findings: Findings): Promise<void> {
  findings.keep('userAgent', navigator.userAgent);
  findings.keep('origin', { isSecure: isSecureContext, protocol: location.protocol, hasWebGpu: 'gpu' in navigator });
  findings.show('browser', browserName(navigator.userAgent));
  findings.show('origin', isSecureContext ? '✓ secure' : '✗ not secure', isSecureContext);
  const [codecs, storage] = await Promise.all([decodable(), examineStorage()]);
  findings.keep('codecs', codecs ?? 'no WebCodecs');
  findings.keep('storage', storage);
  for (const name of Object.keys(CODECS)) {
    if (codecs === undefined) findings.show(name, '✗ this browser has no WebCodecs', false);
    else findings.show(name, yesOrNo(codecs[name]), codecs[name]);
  }
  const { quota, usage = 0, isPersistent, files, session } = storage;
  findings.show('quota', quota === undefined ? 'the browser does not say' : `${size(quota)}, ${size(usage)} used`);
  findings.show('persistent', isPersistent === undefined ? 'the browser does not say' : yesOrNo(isPersistent));
  for (const [name, said] of [['files', files], ['session', session]] as const) {
    findings.show(name, said === 'works' ? '✓ works' : `✗ ${said}`, said === 'works');
  }
}

/** What the adapter is and offers, told by the worker. */
export async function examineAdapter(client: Client, findings: Findings): Promise<void> {
  try {
    const description = await client.ask({ kind: 'describe' });
    findings.keep('adapter', description);
    findings.show('worker', '✓ answers', true);
    showAdapter(description, findings);
  } catch (error) {
    findings.keep('adapter', { error: sentenceOf(error) });
    const isAwake = !OF_WORKER.has(codeOf(error));
    findings.show('worker', isAwake ? '✓ answers' : '✗ does not answer', isAwake);
    findings.show('adapter', '✗ none', false);
  }
}

function showAdapter({ name, kind, webgpu, features, limits, subgroups: { least, most } }: Description,
  findings: Findings): void {
  findings.show('adapter', name, true);
  findings.show('kind', kind, kind === 'hardware');
  findings.show('browser', `${browserName(navigator.userAgent)} · WebGPU of ${webgpu}`);
  for (const { name: feature, has } of features) {
    const sizes = least === most ? `${least} lanes` : `${least} to ${most} lanes`;
    findings.show(feature, feature === 'subgroups' && has ? `✓ yes, ${sizes}` : yesOrNo(has), has);
  }
  for (const { name: limit, unit, value } of limits) {
    findings.show(limit, unit === 'bytes' ? size(value) : value.toLocaleString('en-US'));
  }
}
