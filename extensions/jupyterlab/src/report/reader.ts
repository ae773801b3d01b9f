import { PathExt } from '@jupyterlab/coreutils';
import { ServerConnection } from '@jupyterlab/services';

import { ILabReport } from '../records';
import { requestAPI, requestFile } from '../request';
import { IWords } from '../words';
import { download, downloadPage, downloadProfile } from './export';
import { contentOf, IContent, parseAnswer, parseText } from './parse';
import { Exportable, ReportPage } from './widget';

/** Reads reports through the server, and shows them on a page. */
export class ReportReader {
  constructor(
    private readonly settings: ServerConnection.ISettings,
    private readonly words: IWords
  ) {}

  /** An empty page for a file. */
  page(path: string): ReportPage {
    return new ReportPage(this.words, PathExt.basename(path), shown => void this.export(path, shown));
  }

  /** Show what the server reads in a file. */
  async read(path: string, page: ReportPage): Promise<void> {
    try {
      const found = await this.ask(path);
      page.display(
        Array.isArray(found) ? { kind: 'profile', columns: found } : { kind: 'report', content: found }
      );
    } catch (error) {
      page.display({ kind: 'problem', error });
    }
  }

  /** Show a report whose text is at hand at once, and with the windows before it as soon as the server has told them. */
  async readText(path: string, written: string, page: ReportPage): Promise<void> {
    let content: IContent;
    try {
      content = parseText(written, this.words.trans);
    } catch (error) {
      page.display({ kind: 'problem', error });
      return;
    }
    page.display({ kind: 'report', content });
    try {
      const found = await this.ask(path);
      if (!Array.isArray(found) && content.told) {
        page.display({ kind: 'report', content: contentOf(content.told, found.windows, this.words.trans) });
      }
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      page.display({
        kind: 'report',
        content,
        note: this.words.trans.__('Earlier windows are not shown: %1', why)
      });
    }
  }

  private async ask(path: string): Promise<ReturnType<typeof parseAnswer>> {
    return parseAnswer(
      await requestAPI<ILabReport>(this.settings, 'report', { query: { path } }),
      this.words.trans
    );
  }

  /** The server's own page of a report, or this page's where the server has none, as it has of no profile. */
  private async export(path: string, shown: Exportable): Promise<void> {
    if (shown.kind === 'profile') {
      downloadProfile(PathExt.basename(path), shown.columns, this.words);
      return;
    }
    try {
      const file = await requestFile(this.settings, 'report.html', { query: { path } });
      download(file, PathExt.basename(path).replace(/\.drift\.json$/, '.html'));
    } catch {
      downloadPage(shown.content, this.words);
    }
  }
}
