/** The first page: a kernel runs on this machine. */
import { showProof } from '../doctor/proof.ts';
import { Client } from '../worker/client.ts';
import { found } from './dom.ts';

found('.needs-script').remove();
const here = found('#here');
here.hidden = false;
void showProof(new Client(), here);
