// House rules that oxlint does not know. It loads this file as a plugin (see .oxlintrc.json).

interface Context {
  report(problem: { node: unknown; message: string }): void
}

const noExportAll = {
  create(context: Context) {
    return {
      ExportAllDeclaration(node: unknown) {
        context.report({ node, message: 'name what is exported instead of `export *`' })
      },
    }
  },
}

export default {
  meta: { name: 'holdfast' },
  rules: { 'no-export-all': noExportAll },
}
