/** The command that opens a report by its path below the server's root. */
export const OPEN_REPORT = 'roadworthy:open-report';
