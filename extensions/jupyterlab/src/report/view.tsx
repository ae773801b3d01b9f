import React, { useMemo } from 'react';

import { Sign } from '../charts/mark';
import { IWindowReport } from '../records';
import { useWords } from '../words';
import { columnsOf } from './columns';
import { Heading } from './heading';
import { IContent } from './parse';
import { AlertSection, PerformanceSection, SegmentSection, TogetherSection, WindowSection } from './sections';
import { heldAgainst, tell } from './story';
import { ColumnTable } from './table';

export interface IReportViewProps {
  content: IContent;
  onExport?: () => void;
}

/** A report: what it comes to, then each column, the worst first, then the rest. */
export function ReportView({ content, onExport }: IReportViewProps): JSX.Element {
  const { trans, figures } = useWords();
  const { told, windows } = content;
  const columns = useMemo(() => (told ? columnsOf(told, windows) : []), [told, windows]);
  if (!told) {
    return (
      <>
        <h1>{content.project}</h1>
        <p>
          {trans.__(
            'No window of traffic has been judged yet. The command roadworthy observe judges those that have ended.'
          )}
        </p>
      </>
    );
  }
  return (
    <>
      <Heading
        title={figures.window(told.window)}
        about={trans.__(
          '%1 · %2 rows, %3 with a label · held against %4',
          content.project,
          figures.count(told.rows),
          figures.count(told.labelled),
          heldAgainst(told, trans)
        )}
        onExport={onExport}
      />
      <Summary content={content} told={told} />
      <AlertSection alerts={content.alerts} />
      <section className="rw-part">
        <h2>{trans.__('What changed in the data, worst first')}</h2>
        {columns.length ? (
          <ColumnTable columns={columns} windows={windows.length} />
        ) : (
          <p className="rw-muted">{trans.__('No column was looked at: the window has too few rows.')}</p>
        )}
      </section>
      <PerformanceSection told={told} windows={windows} />
      <TogetherSection told={told} />
      <SegmentSection told={told} />
      <WindowSection windows={windows} />
      <Reading told={told} />
    </>
  );
}

interface IToldProps {
  content: IContent;
  told: IWindowReport;
}

function Summary({ content, told }: IToldProps): JSX.Element {
  const { trans, figures } = useWords();
  const story = useMemo(() => tell(content, told, trans, figures), [content, told, trans, figures]);
  return (
    <section className="rw-summary" data-tone={story.tone}>
      <h2>
        <Sign tone={story.tone} />
        {story.headline}
      </h2>
      <dl>
        {story.answers.map(({ question, sentences }) => (
          <div key={question}>
            <dt>{question}</dt>
            {sentences.map((words, i) => (
              <dd key={i}>{words}</dd>
            ))}
          </div>
        ))}
      </dl>
    </section>
  );
}

function Reading({ told }: { told: IWindowReport }): JSX.Element {
  const { trans, figures } = useWords();
  const notes: [string, string][] = [
    [
      trans.__('Drift'),
      trans.__(
        'A column has drifted when it differs by at least what counts, and by more than chance would bring. At most %1 false alarms must be expected in such a window.',
        figures.figure(told.expected_false_alarms, 2)
      )
    ],
    [
      trans.__('Too little data'),
      trans.__(
        'Where a change that counts could not have been found nothing is said, least of all that nothing changed.'
      )
    ],
    [
      trans.__('Effect'),
      trans.__(
        'Of a column’s values: the share of the rows that would have to have other values for the two to be alike. Of missing values and the like: by how much their share changed.'
      )
    ],
    [trans.__('Intervals'), trans.__('Such a range holds the true figure 95 times out of 100.')],
    [
      trans.__('Worth'),
      trans.__(
        'Rows that come together, as a day’s do, are alike: they are worth fewer independent rows than they are many.'
      )
    ]
  ];
  return (
    <details className="rw-disclosure rw-part">
      <summary>{trans.__('How to read it')}</summary>
      <dl className="rw-notes">
        {notes.map(([term, words]) => (
          <div key={term}>
            <dt>{term}</dt>
            <dd>{words}</dd>
          </div>
        ))}
      </dl>
    </details>
  );
}
