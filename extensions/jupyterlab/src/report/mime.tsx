import { IRenderMime } from '@jupyterlab/rendermime-interfaces';
import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IWords, wordsOf } from '../words';
import { downloadPage } from './export';
import { GivenReport } from './given';

export const MIME_TYPE = 'application/vnd.roadworthy.report+json';

/** A report as the output of a cell. */
export class ReportOutput extends ReactWidget implements IRenderMime.IRenderer {
  constructor(options: IRenderMime.IRendererOptions) {
    super();
    this.mimeType = options.mimeType;
    this.words = wordsOf(options.translator);
    this.addClass('rw-report');
    this.addClass('rw-output');
  }

  async renderModel(model: IRenderMime.IMimeModel): Promise<void> {
    this.given = model.data[this.mimeType];
    this.update();
    await this.renderPromise;
  }

  protected override render(): JSX.Element {
    const { given, words } = this;
    return <GivenReport given={given} words={words} onExport={content => downloadPage(content, words)} />;
  }

  private readonly mimeType: string;
  private readonly words: IWords;
  private given: unknown = null;
}

/** Nothing of a report is ever HTML, so it is safe where a notebook is not trusted. */
const extension: IRenderMime.IExtension = {
  id: 'roadworthy-jupyterlab:report-output',
  description: 'Shows reports of Roadworthy in the outputs of cells.',
  rendererFactory: {
    safe: true,
    mimeTypes: [MIME_TYPE],
    createRenderer: options => new ReportOutput(options)
  },
  rank: 0,
  dataType: 'json'
};
export default extension;
