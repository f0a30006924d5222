/** What the tests of the camera call in the page. */
import { Camera } from '../../web/classify/video/camera.ts';
import { said } from '../../web/pages/sentence.ts';

Object.assign(globalThis, { Camera, said });
