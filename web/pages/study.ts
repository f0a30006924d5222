/** The page of a room. */
import { checkPanel } from '../study/check_panel.ts';
import { ladderPanel } from '../study/ladder_panel.ts';
import { programPanel } from '../study/program_panel.ts';
import { Study } from '../study/study.ts';
import { Client } from '../worker/client.ts';
import { found } from './dom.ts';

found('.needs-script').remove();
const study = new Study(new Client());
checkPanel(study);
programPanel(study);
ladderPanel(study);
void study.offer();
