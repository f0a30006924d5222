/** The doctor: what this browser and its adapter can do, a kernel proven, and every kernel verified on demand. */
import { examineAdapter, examineBrowser } from '../doctor/examine.ts';
import { Findings } from '../doctor/findings.ts';
import { showProof } from '../doctor/proof.ts';
import { reportPanel } from '../doctor/report.ts';
import { verifyPanel } from '../doctor/verify.ts';
import { Client } from '../worker/client.ts';
import { found } from './dom.ts';
import { sentenceOf } from './sentence.ts';

found('.needs-script').remove();
const client = new Client();
const findings = new Findings();
findings.keep('firstlight', found('#doctor').dataset.version);
void examineBrowser(findings);
const proof = found('#proof');
proof.hidden = false;
void showProof(client, proof, (run, error) => {
  findings.keep('proof', run ?? sentenceOf(error));
  void examineAdapter(client, findings);
});
verifyPanel(client, findings);
reportPanel(findings);
