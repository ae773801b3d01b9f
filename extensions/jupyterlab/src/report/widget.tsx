import { ReactWidget } from '@jupyterlab/ui-components';
import React from 'react';

import { IProfileColumn } from '../records';
import { IWords } from '../words';
import { Boundary, Problem } from './content';
import { IContent } from './parse';
import { ProfileView } from './profile';
import { ReportView } from './view';

export type Shown =
  | { kind: 'loading' }
  | { kind: 'problem'; error: unknown }
  | { kind: 'profile'; columns: IProfileColumn[] }
  /** note: what is missing from it, and why */
  | { kind: 'report'; content: IContent; note?: string };

/** What can be taken away as a page of its own. */
export type Exportable = Extract<Shown, { kind: 'profile' | 'report' }>;

/** A page that shows a report or a profile, or says why it cannot. */
export class ReportPage extends ReactWidget {
  constructor(
    private readonly words: IWords,
    private readonly name: string,
    private readonly exporting: (shown: Exportable) => void
  ) {
    super();
    this.addClass('rw-report');
    this.addClass('rw-sheet');
  }

  get shown(): Shown {
    return this._shown;
  }

  display(shown: Shown): void {
    this._shown = shown;
    this.update();
  }

  protected override render(): JSX.Element {
    return <Boundary words={this.words}>{this.content()}</Boundary>;
  }

  private content(): JSX.Element {
    const shown = this._shown;
    switch (shown.kind) {
      case 'loading':
        return <p role="status">{this.words.trans.__('Reading %1…', this.name)}</p>;
      case 'problem':
        return <Problem error={shown.error} />;
      case 'profile':
        return (
          <ProfileView name={this.name} columns={shown.columns} onExport={() => this.exporting(shown)} />
        );
      case 'report':
        return (
          <>
            {shown.note && <p className="rw-note">{shown.note}</p>}
            <ReportView content={shown.content} onExport={() => this.exporting(shown)} />
          </>
        );
    }
  }

  private _shown: Shown = { kind: 'loading' };
}
