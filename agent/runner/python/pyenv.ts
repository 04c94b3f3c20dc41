// The interpreter behind a shim of pyenv, which takes a tenth of a second to find it, at each start. In: the file that PATH has for
// Python, the environment, the folder. Out: the command line that the shim would end in, with what it sets in the environment; or
// nothing where it is no such shim, or pyenv would have to say: a prefix of a version, the system's own, a version that is not there.
import { accessSync, closeSync, constants, openSync, readFileSync, readSync } from 'node:fs'
import { basename, dirname, join } from 'node:path'
import { lookUp } from '../path.js'

/** More than the shim has; an interpreter is not read whole to find that it is none. */
const SHIM_BYTES = 2048

const beginningOf = (file: string): string => {
  const bytes = Buffer.alloc(SHIM_BYTES)
  const descriptor = openSync(file, 'r')
  try {
    return bytes.toString('latin1', 0, readSync(descriptor, bytes))
  } finally {
    closeSync(descriptor)
  }
}

const textOf = (file: string): string | undefined => {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return undefined
  }
}

/** `.python-version` in a folder or above it. */
const localVersion = (folder: string): string | undefined =>
  textOf(join(folder, '.python-version')) ?? (dirname(folder) === folder ? undefined : localVersion(dirname(folder)))

export const behindPyenv = (
  file: string,
  environment: NodeJS.ProcessEnv,
  cwd: string,
): readonly [string, ...string[]] | undefined => {
  try {
    const root = /^export PYENV_ROOT="([^"]+)"$[\s\S]*\/libexec\/pyenv" exec /m.exec(beginningOf(file))?.[1]
    if (root === undefined) return undefined
    const { PYENV_VERSION, PYENV_DIR, PATH = '' } = environment
    const text =
      PYENV_VERSION?.replaceAll(':', '\n') ||
      ((PYENV_DIR && localVersion(PYENV_DIR)) ?? localVersion(cwd) ?? textOf(join(root, 'version')) ?? '')
    const versions = text.replace(/#.*/g, '').split(/\s+/).filter(Boolean)
    const [version] = versions
    if (version === undefined || version.includes('..')) return undefined
    const folder = join(root, 'versions', version, 'bin')
    const found = join(folder, basename(file))
    accessSync(found, constants.X_OK)
    const env = lookUp('env', PATH)
    if (env === undefined) return undefined
    return [env, `PYENV_VERSION=${versions.join(':')}`, `PATH=${folder}:${PATH}`, found]
  } catch {
    return undefined
  }
}
