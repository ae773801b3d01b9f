import { ABCWidgetFactory, DocumentRegistry, DocumentWidget } from '@jupyterlab/docregistry';

import { reportIcon } from './icon';
import { ReportReader } from './reader';
import { ReportPage } from './widget';

/** Makes the document of a report's file. */
export class ReportFactory extends ABCWidgetFactory<DocumentWidget<ReportPage>> {
  constructor(
    options: DocumentRegistry.IWidgetFactoryOptions,
    private readonly reader: ReportReader,
    /** the file's text is the report; otherwise the server has to read it */
    private readonly text: boolean
  ) {
    super(options);
  }

  protected createNewWidget(context: DocumentRegistry.Context): DocumentWidget<ReportPage> {
    const content = this.reader.page(context.path);
    const show = () =>
      void (this.text
        ? this.reader.readText(context.path, context.model.toString(), content)
        : this.reader.read(context.path, content));
    void context.ready.then(() => {
      show();
      context.fileChanged.connect(show);
      content.disposed.connect(() => context.fileChanged.disconnect(show));
    });
    const widget = new DocumentWidget({ content, context });
    widget.title.icon = reportIcon;
    return widget;
  }
}
