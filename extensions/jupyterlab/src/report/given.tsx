import React, { useMemo } from 'react';

import { IWords } from '../words';
import { Boundary, Problem } from './content';
import { IContent, parse } from './parse';
import { ReportView } from './view';

interface IGivenReportProps {
  /** whatever a cell's output holds */
  given: unknown;
  words: IWords;
  onExport: (content: IContent) => void;
}

/** A report of unknown origin: what it says, or why it cannot be shown. */
export function GivenReport({ given, words, onExport }: IGivenReportProps): JSX.Element {
  const read = useMemo(() => {
    try {
      return { content: parse(given, words.trans) };
    } catch (error) {
      return { error };
    }
  }, [given, words]);
  return (
    <Boundary words={words}>
      {read.content ? (
        <ReportView content={read.content} onExport={() => onExport(read.content)} />
      ) : (
        <Problem error={read.error} />
      )}
    </Boundary>
  );
}
