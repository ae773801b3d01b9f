import { JupyterFrontEnd, JupyterFrontEndPlugin } from '@jupyterlab/application';
import { ITranslator } from '@jupyterlab/translation';

import { speak } from './request';
import { wordsOf } from './words';

/** Gives the page's language to what is asked of the server. */
export const languagePlugin: JupyterFrontEndPlugin<void> = {
  id: 'roadworthy-jupyterlab:language',
  description: 'Says in the language of the page what goes wrong between it and the server.',
  autoStart: true,
  optional: [ITranslator],
  activate: (_: JupyterFrontEnd, translator: ITranslator | null) => speak(wordsOf(translator).trans)
};
