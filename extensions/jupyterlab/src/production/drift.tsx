import React, { KeyboardEvent, useRef, useState } from 'react';

import { Sign, TONES, useVerdict, VerdictMark } from '../charts/mark';
import { ChartTable } from '../charts/table';
import { IDriftMark } from '../records';
import { useWords } from '../words';
import { moved } from './places';

interface IDriftProps {
  marks: readonly IDriftMark[];
  onOpen: (report: string) => void;
}

/** One mark a window, oldest first; arrows go from one to the next, Enter opens its report. */
export function Drift({ marks, onOpen }: IDriftProps): JSX.Element {
  const { trans, figures } = useWords();
  const [place, setPlace] = useState(marks.length - 1);
  const strip = useRef<HTMLDivElement>(null);
  const at = Math.min(Math.max(place, 0), marks.length - 1);
  const move = (event: KeyboardEvent) => {
    const next = moved(event.key, at, marks.length);
    if (next !== null) {
      event.preventDefault();
      setPlace(next);
      strip.current?.querySelectorAll<HTMLButtonElement>('.rw-drift-mark')[next]?.focus();
    }
  };
  return (
    <section className="rw-box rw-wide">
      <h2>{trans.__('Drift by window')}</h2>
      {marks.length === 0 ? (
        <p className="rw-muted">{trans.__('No window of traffic has been judged yet.')}</p>
      ) : (
        <>
          <div
            className="rw-marks"
            data-many={marks.length > 18 || undefined}
            role="toolbar"
            aria-label={trans.__('Windows, oldest first')}
            ref={strip}
            onKeyDown={move}
          >
            {marks.map((mark, i) => (
              <DriftButton
                key={mark.window.start}
                mark={mark}
                current={i === at}
                onFocus={() => setPlace(i)}
                onOpen={onOpen}
              />
            ))}
          </div>
          <MarkWords mark={marks[at]} />
          <ChartTable
            caption={trans.__('Drift by window')}
            head={[trans.__('Window'), trans.__('Verdict'), trans.__('What drifted'), trans.__('Rows')]}
            figuresFrom={3}
            rows={[...marks]
              .reverse()
              .map(mark => [
                figures.window(mark.window),
                <VerdictMark key="verdict" verdict={mark.verdict} />,
                mark.drifted.length ? figures.listed(mark.drifted, 8) : '–',
                figures.count(mark.rows)
              ])}
          />
        </>
      )}
    </section>
  );
}

interface IDriftButtonProps {
  mark: IDriftMark;
  current: boolean;
  onFocus: () => void;
  onOpen: (report: string) => void;
}

function DriftButton({ mark, current, onFocus, onOpen }: IDriftButtonProps): JSX.Element {
  const { trans, figures } = useWords();
  const verdict = useVerdict(mark.verdict);
  const drifted = mark.drifted.length
    ? trans.__('%1 in %2', verdict, figures.listed(mark.drifted, 3))
    : verdict;
  const opens = mark.report ? trans.__('Open its report.') : trans.__('Its report is not there.');
  return (
    <button
      type="button"
      className="rw-drift-mark"
      data-verdict={mark.verdict}
      data-open={mark.open || undefined}
      tabIndex={current ? 0 : -1}
      aria-label={`${figures.window(mark.window)}: ${drifted}. ${opens}`}
      aria-disabled={mark.report === null}
      onFocus={onFocus}
      onMouseEnter={onFocus}
      onClick={() => mark.report && onOpen(mark.report)}
    >
      <Sign tone={TONES[mark.verdict]} />
      <span className="rw-drift-when">{figures.shortWindow(mark.window)}</span>
    </button>
  );
}

/** What the mark says that one is at. */
function MarkWords({ mark }: { mark: IDriftMark }): JSX.Element {
  const { trans, figures } = useWords();
  return (
    <p className="rw-mark-words" aria-hidden="true">
      <VerdictMark verdict={mark.verdict} />
      <span>
        {figures.window(mark.window)}
        {mark.open && ` (${trans.__('still open')})`}
        {mark.drifted.length > 0 && `: ${figures.listed(mark.drifted)}`}
      </span>
      <span className="rw-muted">{trans.__('%1 rows', figures.count(mark.rows))}</span>
    </p>
  );
}
