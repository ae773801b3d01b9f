// JupyterLab's packages are ES modules: they are translated for the tests, as our own sources are.
const modules = [
  '@codemirror',
  '@jupyter',
  '@jupyterlab',
  '@lezer',
  '@lumino',
  '@microsoft',
  '@rjsf',
  'exenv-es6'
]
  .concat(['lib0', 'nanoid', 'vscode-ws-jsonrpc', 'y-protocols', 'y-websocket', 'yjs', 'lodash-es', 'uuid'])
  .join('|');

module.exports = {
  testEnvironment: '<rootDir>/jest.environment.js',
  modulePathIgnorePatterns: ['<rootDir>/roadworthy_jupyterlab/'],
  testMatch: ['<rootDir>/src/**/__tests__/*.spec.ts?(x)'],
  transform: { '\\.(jsx?|tsx?)$': ['ts-jest', { tsconfig: '<rootDir>/tsconfig.test.json' }] },
  transformIgnorePatterns: [`/node_modules/(?!(${modules})/)`],
  moduleNameMapper: { '\\.(css|less|svg)$': '<rootDir>/src/__tests__/nothing.ts' }
};
