// A browser's page as jsdom has it, with what it leaves out and Node has.
const { TestEnvironment } = require('jest-environment-jsdom');

module.exports = class extends TestEnvironment {
  constructor(...given) {
    super(...given);
    Object.assign(this.global, {
      fetch,
      Headers,
      Request,
      Response,
      TextDecoder,
      TextEncoder,
      structuredClone
    });
    this.global.DragEvent = class extends this.global.MouseEvent {};
    this.global.matchMedia = () => ({ matches: false, addEventListener() {}, removeEventListener() {} });
    this.global.requestIdleCallback = done => setTimeout(done);
    this.global.ResizeObserver = class {
      observe() {}
      disconnect() {}
    };
  }
};
