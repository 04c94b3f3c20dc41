// In: a Python module on this machine. Out: it and the modules beside it as bundle files: every .py of its folder and of the
// packages below (folders that hold an __init__.py), sorted by path, so that the same sources give the same bytes.
// Never followed: symbolic links to folders, hidden folders, virtual environments, what is installed rather than written.
import { type Dirent, readdirSync, readFileSync, statSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { BUNDLE_LIMITS, type BundleFile, type BundleLimits, bundleFault } from '../../proto/bundle.js'
import { FunctionError } from './function.js'

const INSTALLED = new Set(['__pycache__', 'node_modules', 'site-packages', 'venv', 'env', 'virtualenv'])

export interface PythonBundle {
  readonly files: readonly BundleFile[]
  readonly entry: string
}

export function bundlePython(file: string, limits: BundleLimits = BUNDLE_LIMITS): PythonBundle {
  const root = dirname(file)
  const paths: string[] = []
  collect(root, '', paths, limits.files, file)
  paths.sort((a, b) => (a < b ? -1 : 1))
  const files: BundleFile[] = []
  let bytes = 0
  for (const path of paths) {
    // Read only what is still within the limit: a huge file must not be in memory before it is refused.
    bytes += statSync(join(root, path)).size
    if (bytes > limits.bytes) throw tooLarge(file, `${bytes} bytes of Python (at ${path})`, `${limits.bytes} bytes`)
    files.push({ path, content: readFileSync(join(root, path)) })
  }
  const fault = bundleFault(files, limits)
  if (fault !== undefined) {
    throw new FunctionError(
      'FUNCTION_SIZE',
      `${file} cannot be sent with the modules beside it: ${fault}. Rename the file.`,
    )
  }
  return { files, entry: basename(file) }
}

function collect(root: string, folder: string, paths: string[], limit: number, file: string): void {
  const entries = readdirSync(join(root, folder), { withFileTypes: true })
  const subfolders: string[] = []
  for (const entry of entries) {
    const path = folder === '' ? entry.name : `${folder}/${entry.name}`
    if (entry.isDirectory()) subfolders.push(path)
    else if (!entry.name.startsWith('.') && entry.name.endsWith('.py') && isFile(entry, join(root, path)))
      paths.push(path)
    if (paths.length > limit) throw tooLarge(file, `more than ${limit} Python files`, `${limit} files`)
  }
  for (const path of subfolders) if (isPackage(root, path)) collect(root, path, paths, limit, file)
}

/** A link to a file counts as the file; a link that leads nowhere (editors leave such locks) does not. */
function isFile(entry: Dirent, path: string): boolean {
  if (entry.isFile()) return true
  return entry.isSymbolicLink() && (statSync(path, { throwIfNoEntry: false })?.isFile() ?? false)
}

function isPackage(root: string, path: string): boolean {
  const name = basename(path)
  if (name.startsWith('.') || INSTALLED.has(name)) return false
  const exists = (inside: string) => statSync(join(root, path, inside), { throwIfNoEntry: false }) !== undefined
  return exists('__init__.py') && !exists('pyvenv.cfg')
}

function tooLarge(file: string, found: string, allowed: string): FunctionError {
  return new FunctionError(
    'FUNCTION_SIZE',
    `The folder of ${file} holds ${found}; at most ${allowed} are sent to the agents. Move the function, with the modules ` +
      'that it imports, to a folder of its own.',
  )
}
