/** The page of a room. */
import { browserAdvice } from '../../engine/browser_advice.ts';
import { NoAdapterError } from '../../engine/errors.ts';
import { checkPanel } from '../study/check_panel.ts';
import { ladderPanel } from '../study/ladder_panel.ts';
import { programPanel } from '../study/program_panel.ts';
import { Study } from '../study/study.ts';
import { Client } from '../worker/client.ts';
import { element, found } from './dom.ts';
import { sentenceOf } from './sentence.ts';

/** What stands in the place of the word on scripts: nothing, or why nothing will run here. */
function hindrance(): readonly Node[] {
  if (navigator.gpu !== undefined) return [];
  const error = new NoAdapterError(['a browser without WebGPU'],
    browserAdvice({ userAgent: navigator.userAgent, isSecureContext, hasGpu: false }));
  return [
    element('p', { className: 'note wrong' }, `What is read here can be read; nothing can run: ${sentenceOf(error)}.`),
  ];
}

found('.needs-script').replaceWith(...hindrance());
const study = new Study(new Client());
checkPanel(study);
programPanel(study);
ladderPanel(study);
void study.offer();
