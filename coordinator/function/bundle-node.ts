// In: a TypeScript or JavaScript module on this machine, and the names of the exports wanted from it. Out: one ES module for
// Node 20 that holds the module, its local imports and its npm dependencies, with an inline source map that names the
// user's files. The same sources give the same bytes: no absolute path is in it, whatever folder it was made from.
// In the bundle, import.meta.url, __filename and __dirname are the bundle's own place on the agent: data files that lie
// beside the source are not there (import JSON or text, or hand data over with `shared`), nor are modules whose name is
// only known when the code runs. The only importer of esbuild.
import { existsSync, realpathSync } from 'node:fs'
import { dirname, join, relative, resolve, sep } from 'node:path'
import type { BuildOptions, BuildResult, Message, StdinOptions } from 'esbuild'
import { BUNDLE_LIMITS, type BundleFile } from '../../proto/bundle.js'
import { NATIVE, selfStub, unbundlable } from './bundle-plugins.js'
import { checkExport } from './exports.js'
import { FunctionError } from './function.js'
import { platformBinaries } from './platform-binaries.js'

export type Role = 'function' | 'init' | 'mapper'

/** An export's name, or a function of the module: its export is then found by the name that it has inside. */
export type Wanted = string | ((...args: never[]) => unknown)

export interface NodeBundleRequest {
  /** Absolute. */
  readonly file: string
  /** The file in messages. */
  readonly shown: string
  /** What files in messages are relative to. */
  readonly cwd: string
  readonly names: { readonly function: Wanted; readonly init?: Wanted; readonly mapper?: Wanted }
  readonly onWarning?: (message: string) => void
}

export interface NodeBundle {
  readonly files: readonly BundleFile[]
  readonly entry: string
  /** The exports that were asked for, by their names in the bundle. */
  readonly names: { readonly function: string; readonly init?: string; readonly mapper?: string }
}

const ENTRY = 'main.mjs'
// Bundled CommonJS code asks for built-ins with require(), and for its place by the two names that ES modules lack.
const BANNER = [
  "import { createRequire as __manyhands_require } from 'node:module'",
  "import { fileURLToPath as __manyhands_path } from 'node:url'",
  'const require = __manyhands_require(import.meta.url)',
  'const __manyhands_filename = __manyhands_path(import.meta.url)',
  "const __manyhands_dirname = __manyhands_path(new URL('.', import.meta.url)).slice(0, -1)",
].join(';')

export async function bundleNode(request: NodeBundleRequest): Promise<NodeBundle> {
  const file = realpathSync(request.file)
  const base = packageFolder(file)
  let built = await build(request, base, { entryPoints: [file] })
  const entryPath = relative(base, file).split(sep).join('/')
  let names: NodeBundle['names']
  if (built.metafile.inputs[entryPath]?.format === 'cjs') {
    names = namesOf(request, (wanted, role) => commonJsName(request, wanted, role))
    const stdin = commonJsEntry(entryPath, base, names)
    built = await build(request, base, { stdin })
  } else {
    const text = textOf(built)
    const exports = built.metafile.outputs[ENTRY]?.exports ?? []
    names = namesOf(request, (wanted, role) => exportName(request, text, exports, wanted, role))
  }
  const content = new TextEncoder().encode(textOf(built))
  if (content.byteLength > BUNDLE_LIMITS.bytes) throw tooLarge(request, built, content.byteLength)
  for (const name of platformBinaries(Object.keys(built.metafile.inputs), base)) {
    request.onWarning?.(
      `The package "${name}" has binaries for each platform, which are not sent to the agents: where its code needs them, ` +
        `${request.shown} will not load there.`,
    )
  }
  return { files: [{ path: ENTRY, content }], entry: ENTRY, names }
}

type Built = BuildResult<{ write: false; metafile: true }>

/** Runs the bundler; what it finds wrong is shown as it formats it, with file and line. */
async function build(
  request: NodeBundleRequest,
  base: string,
  entry: { entryPoints: string[] } | { stdin: StdinOptions },
): Promise<Built> {
  // Loading it takes tens of milliseconds, which commands that bundle nothing should not pay.
  const esbuild = await import('esbuild')
  const options = {
    ...entry,
    absWorkingDir: base,
    outfile: join(base, ENTRY),
    bundle: true,
    write: false,
    metafile: true,
    format: 'esm',
    platform: 'node',
    target: 'node20',
    charset: 'utf8',
    sourcemap: 'inline',
    // Names and lines are what a stack needs; the sources themselves would double the bundle.
    sourcesContent: false,
    legalComments: 'none',
    banner: { js: BANNER },
    // Only free identifiers are replaced: a module that declares its own __dirname keeps it.
    define: { __filename: '__manyhands_filename', __dirname: '__manyhands_dirname' },
    plugins: [selfStub, unbundlable],
    logLevel: 'silent',
  } satisfies BuildOptions
  const format = async (messages: Message[], kind: 'error' | 'warning') => {
    const placed = messages.map(message => placeMessage(message, base, request.cwd))
    return (await esbuild.formatMessages(placed, { kind, color: false })).map(text => text.trimEnd())
  }
  try {
    const built = await esbuild.build(options)
    for (const warning of await format(built.warnings, 'warning')) request.onWarning?.(warning)
    return built
  } catch (error) {
    const errors = (error as { errors?: Message[] }).errors
    if (errors === undefined) throw error
    const native = errors.filter(each => each.detail === NATIVE)
    if (native.length > 0) throw new FunctionError('FUNCTION_NATIVE', native.map(each => each.text).join('\n'))
    const texts = await format(errors, 'error')
    throw new FunctionError('FUNCTION_BUILD', `${request.shown} cannot be bundled:\n${texts.join('\n\n')}`)
  }
}

/** The bundler names files relative to the package; people look for them from where they are. */
function placeMessage(message: Message, base: string, cwd: string): Message {
  const place = <Place extends { file: string } | null>(location: Place): Place =>
    location === null ? location : { ...location, file: relative(cwd, resolve(base, location.file)) }
  return {
    ...message,
    location: place(message.location),
    notes: message.notes.map(note => ({ ...note, location: place(note.location) })),
  }
}

/** The folder that paths in the bundle are relative to, so that they are the same in every checkout. */
function packageFolder(file: string): string {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    if (existsSync(join(folder, 'package.json'))) return folder
    if (folder === dirname(folder)) return dirname(file)
  }
}

function textOf(built: Built): string {
  return built.outputFiles[0]?.text ?? ''
}

function namesOf(request: NodeBundleRequest, find: (wanted: Wanted, role: Role) => string): NodeBundle['names'] {
  const { init, mapper } = request.names
  return {
    function: find(request.names.function, 'function'),
    ...(init === undefined ? {} : { init: find(init, 'init') }),
    ...(mapper === undefined ? {} : { mapper: find(mapper, 'mapper') }),
  }
}

function exportName(
  request: NodeBundleRequest,
  text: string,
  exports: readonly string[],
  wanted: Wanted,
  role: Role,
): string {
  if (typeof wanted === 'string') {
    checkExport(request.shown, exports, wanted, role)
    return wanted
  }
  // The function knows its name inside the module; the bundle's export clause says under which it goes out.
  const clause = /export \{([^}]*)\};\s*(?:\/\/# sourceMappingURL=\S*\s*)?$/.exec(text)?.[1] ?? ''
  const pairs = clause.split(',').map(pair => pair.trim().split(/\s+as\s+/))
  const pair = pairs.find(([local]) => local === wanted.name)
  const found = pair?.[1] ?? pair?.[0] ?? wanted.name
  if (found === '' || !exports.includes(found)) throw notExported(request, wanted, exports)
  return found
}

function commonJsName(request: NodeBundleRequest, wanted: Wanted, role: Role): string {
  if (typeof wanted === 'string') return wanted
  if (wanted.name === '') throw notExported(request, wanted, [], ` as the ${role}`)
  return wanted.name
}

function notExported(request: NodeBundleRequest, wanted: { name: string }, exports: readonly string[], as = '') {
  const what = wanted.name === '' ? 'The function without a name' : `The function "${wanted.name}"`
  const listed = exports.length === 0 ? '' : ` (it exports ${[...exports].sort().join(', ')})`
  return new FunctionError(
    'FUNCTION_EXPORT',
    `${what} is not an export of ${request.shown}${listed}${as}. Export it, or give the export's name instead: ` +
      "fromModule(import.meta.url, 'name')",
  )
}

/**
 * What a CommonJS module exports is only known once it has run: this entry takes the exports by name when the worker loads
 * it, and says there what is missing.
 */
function commonJsEntry(path: string, base: string, names: NodeBundle['names']): StdinOptions {
  const lines = [
    `const exported = require(${JSON.stringify(`./${path}`)})`,
    'function take(name) {',
    "  if (name === 'default') return exported && exported.__esModule ? exported.default : exported",
    '  const found = exported == null ? undefined : exported[name]',
    '  if (found !== undefined) return found',
    '  const names = Object.keys(Object(exported)).join(", ") || "nothing"',
    `  throw new Error(${JSON.stringify(path)} + ' has no export "' + name + '". It exports: ' + names + '.')`,
    '}',
  ]
  for (const [index, name] of [...new Set(Object.values(names))].entries()) {
    lines.push(`const wanted${index} = take(${JSON.stringify(name)})`)
    lines.push(`export { wanted${index} as ${name === 'default' ? name : JSON.stringify(name)} }`)
  }
  return { contents: lines.join('\n'), resolveDir: base, sourcefile: 'manyhands-entry.js', loader: 'js' }
}

function tooLarge(request: NodeBundleRequest, built: Built, bytes: number): FunctionError {
  const inputs = Object.entries(built.metafile.outputs[ENTRY]?.inputs ?? {})
  const largest = inputs.sort(([, a], [, b]) => b.bytesInOutput - a.bytesInOutput).slice(0, 3)
  return new FunctionError(
    'FUNCTION_SIZE',
    `${request.shown} with its dependencies is ${bytes} bytes; at most ${BUNDLE_LIMITS.bytes} are sent to the agents. ` +
      `The largest parts: ${largest.map(([path]) => path).join(', ')}. Hand data over with "shared" instead of importing it.`,
  )
}
