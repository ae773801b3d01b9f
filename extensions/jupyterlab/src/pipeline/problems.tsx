import * as React from 'react';
import { usePage } from '../page';
import { ILabProject, IProblem } from '../records';
import { RequestError } from '../request';
import { VERSION } from '../version';
import { warningIcon } from './icons';

interface IBannerProps {
  message: string;
  next?: string;
  place?: string;
  children?: React.ReactNode;
}

/** Something that is wrong: what, where, and what to do. */
export function Banner({ message, next, place, children }: IBannerProps): JSX.Element {
  return (
    <div className="rw-banner" role="alert">
      <warningIcon.react tag="span" className="rw-icon" aria-hidden="true" />
      <div className="rw-banner-text">
        <p className="rw-strong">{message}</p>
        {next && <p>{next}</p>}
        {place && <p className="rw-place">{place}</p>}
        {children && <div className="rw-actions">{children}</div>}
      </div>
    </div>
  );
}

/** Opens a file below the server's root, at a line. */
type Opener = (file: string, line: number | null) => void;

interface IProblemsProps {
  project: ILabProject | null;
  onOpen: Opener;
}

/** Whether page and server's side are of different versions. */
export const differs = (project: ILabProject | null): boolean =>
  project !== null && project.version !== VERSION;

/** What keeps parts of the project from being read, and a server's side of another version than the page. */
export function Problems({ project, onOpen }: IProblemsProps): JSX.Element {
  const { trans } = usePage();
  return (
    <>
      {project !== null && differs(project) && (
        <Banner
          message={trans.__('The page is of version %1, the server of version %2.', VERSION, project.version)}
          next={trans.__(
            'Install the same version of roadworthy and roadworthy-jupyterlab, restart Jupyter and reload the page.'
          )}
        />
      )}
      {(project?.problems ?? []).map(problem => (
        <ProblemBanner
          key={`${problem.file}:${problem.line}:${problem.message}`}
          problem={problem}
          onOpen={onOpen}
        />
      ))}
    </>
  );
}

function ProblemBanner({ problem, onOpen }: { problem: IProblem; onOpen?: Opener }): JSX.Element {
  const { trans } = usePage();
  const { file, line } = problem;
  const place = line === null ? file : trans.__('%1, line %2', file, line);
  return (
    <Banner message={problem.message} next={problem.next} place={place}>
      {file && onOpen && (
        <button className="rw-button" onClick={() => onOpen(file, line)}>
          {line === null ? trans.__('Open the file') : trans.__('Open at line %1', line)}
        </button>
      )}
    </Banner>
  );
}

/** Why nothing could be read, or why an act was refused; where a file is at fault, it is opened there. */
export function Failure({ error, onOpen }: { error: RequestError; onOpen?: Opener }): JSX.Element {
  const { trans } = usePage();
  if (error.problem) {
    return <ProblemBanner problem={error.problem} onOpen={onOpen} />;
  }
  if (error.status === 404 && !error.told) {
    return (
      <Banner
        message={trans.__('The server’s side of Roadworthy does not answer.')}
        next={trans.__('Install the package roadworthy where Jupyter runs, and restart Jupyter.')}
        place={error.message}
      />
    );
  }
  if (error.status === 0) {
    return (
      <Banner
        message={trans.__('The server cannot be reached.')}
        next={trans.__('See that Jupyter still runs, then reload the page.')}
        place={error.message}
      />
    );
  }
  return <Banner message={error.message} next={error.next} />;
}

/** What went wrong in the words of what failed; it scrolls where it is long. */
export function ErrorText({ text, label }: { text: string; label?: string }): JSX.Element {
  const { trans } = usePage();
  return (
    <pre className="rw-error" tabIndex={0} role="region" aria-label={label ?? trans.__('What went wrong')}>
      {text}
    </pre>
  );
}
