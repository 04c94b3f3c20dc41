// In: a function as a word on the command line, `file.ts#name`, with the names of init and mapper. Out: a JobFunction with
// its code. The file is always there and of a known kind; a JavaScript export exists (of a CommonJS module: is looked for
// when the worker loads it). A Python export is looked for in the worker, because this machine need not have Python.
import { readdirSync, statSync } from 'node:fs'
import { basename, dirname, extname, relative, resolve } from 'node:path'
import { bundlePython } from './bundle-python.js'
import { FunctionError, type JobFunction } from './function.js'
import { nearest } from './nearest.js'

export interface Reference {
  readonly runner: 'node' | 'python'
  /** Absolute. */
  readonly file: string
  /** As people should see it: relative to where they are. */
  readonly shown: string
  /** Absent: the default export, or a Python module's only public function. */
  readonly export?: string
}

export interface ReferenceOptions {
  /** What relative files are relative to. */
  readonly cwd: string
  readonly init?: string
  readonly mapper?: string
  /** What the bundler finds odd and lets pass. */
  readonly onWarning?: (message: string) => void
}

const RUNNERS: Readonly<Record<string, Reference['runner']>> = {
  '.ts': 'node',
  '.mts': 'node',
  '.cts': 'node',
  '.js': 'node',
  '.mjs': 'node',
  '.cjs': 'node',
  '.py': 'python',
}

/** Resolves the CLI's FUNCTION. */
export async function resolveReference(text: string, options: ReferenceOptions): Promise<JobFunction> {
  const reference = parseReference(text, options.cwd)
  const named = {
    ...(options.init === undefined ? {} : { init: options.init }),
    ...(options.mapper === undefined ? {} : { mapper: options.mapper }),
  }
  const name = `${basename(reference.file)}${reference.export === undefined ? '' : `#${reference.export}`}`
  if (reference.runner === 'python') {
    const { files, entry } = bundlePython(reference.file)
    return { runner: 'python', name, bundle: files, entry, function: reference.export ?? 'default', ...named }
  }
  const { bundleNode } = await import('./bundle-node.js')
  const bundle = await bundleNode({
    file: reference.file,
    shown: reference.shown,
    cwd: options.cwd,
    names: { function: reference.export ?? 'default', ...named },
    ...(options.onWarning === undefined ? {} : { onWarning: options.onWarning }),
  })
  return { runner: 'node', name, bundle: bundle.files, entry: bundle.entry, ...bundle.names }
}

/** Splits `file#name` and checks that the file is there and of a kind that a runner takes. */
export function parseReference(text: string, cwd: string): Reference {
  const hash = text.lastIndexOf('#')
  const path = hash === -1 ? text : text.slice(0, hash)
  const name = hash === -1 ? undefined : text.slice(hash + 1)
  if (path === '') throw unclear(text, 'it names no file')
  if (name === '') throw unclear(text, 'there is no name after the "#"')
  const file = resolve(cwd, path)
  const shown = relative(cwd, file)
  const runner = RUNNERS[extname(file)]
  if (runner === undefined) {
    const extension = extname(file)
    throw unclear(
      text,
      extension === '' ? 'the file has no extension' : `no runner takes files that end in "${extension}"`,
    )
  }
  checkFile(file, shown)
  return { runner, file, shown, ...(name === undefined ? {} : { export: name }) }
}

function unclear(text: string, why: string): FunctionError {
  const known = Object.keys(RUNNERS).join(' ')
  return new FunctionError(
    'FUNCTION_REFERENCE',
    `"${text}" is not a function: ${why}. Expected FILE or FILE#NAME with one of ${known}, ` +
      'for instance work.ts#resize; for another program put it after "--": -- COMMAND {}',
  )
}

function checkFile(file: string, shown: string): void {
  const found = statSync(file, { throwIfNoEntry: false })
  if (found?.isFile()) return
  if (found !== undefined) throw new FunctionError('FUNCTION_FILE', `${shown} is not a file; name the module in it.`)
  const folder = dirname(file)
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory()) {
    throw new FunctionError('FUNCTION_FILE', `There is no ${shown}: the folder ${folder} does not exist.`)
  }
  const modules = readdirSync(folder).filter(each => extname(each) in RUNNERS)
  const near = nearest(basename(file), modules)
  const hint = near === undefined ? 'Check the path; it is relative to the current folder.' : `Did you mean ${near}?`
  throw new FunctionError('FUNCTION_FILE', `There is no ${shown} (looked in ${folder}). ${hint}`)
}
