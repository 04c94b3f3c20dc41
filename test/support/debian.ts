// Programs that the tests run and that Debian packages. In: a program and its package. Out: its path.
// Always true: what is missing is installed with apt-get when that is allowed here, or is an Error of one line that says
// what to install; nothing is skipped.
import { execFile } from 'node:child_process'
import { constants } from 'node:fs'
import { access } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

const LOCK = join(tmpdir(), 'manyhands-apt.lock')

const FOLDERS = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(Boolean)

/** What a program of this name says when it is the one that is meant: another one may have its name. */
interface Mark {
  readonly argv: readonly string[]
  readonly says: RegExp
}

const isIt = async (path: string, mark: Mark | undefined): Promise<boolean> => {
  const isThere = await access(path, constants.X_OK).then(
    () => true,
    () => false,
  )
  if (!isThere || mark === undefined) return isThere
  return run(path, [...mark.argv]).then(
    ({ stdout }) => mark.says.test(stdout),
    () => false,
  )
}

export const onPath = async (program: string, mark?: Mark): Promise<string | undefined> => {
  for (const folder of FOLDERS) {
    const path = join(folder, program)
    if (await isIt(path, mark)) return path
  }
  return undefined
}

/** Test files run side by side, and each may find the same thing missing: one after the other. */
const aptGet = (...argv: string[]): Promise<unknown> =>
  run('flock', [LOCK, 'apt-get', '-o', 'DPkg::Lock::Timeout=300', ...argv])

export const programOf = async (program: string, debianPackage: string, mark?: Mark): Promise<string> => {
  const found = await onPath(program, mark)
  if (found !== undefined) return found
  const remedy = `install it (Debian and Ubuntu: apt-get install ${debianPackage})`
  if (process.getuid?.() !== 0 || (await onPath('apt-get')) === undefined)
    throw new Error(`the tests need ${program}: ${remedy}`)
  await aptGet('update')
  await aptGet('install', '-y', '--no-install-recommends', debianPackage)
  const installed = await onPath(program, mark)
  if (installed === undefined)
    throw new Error(`the tests need ${program}, and apt-get install ${debianPackage} did not bring it: ${remedy}`)
  return installed
}

/** Debian's own Python, which has the modules of Debian's packages. */
export const debianPython = async (module: string, debianPackage: string): Promise<string> => {
  const python = '/usr/bin/python3'
  const mark = { argv: ['-c', `import ${module}; print("there")`], says: /there/ }
  if (await isIt(python, mark)) return python
  if (process.getuid?.() !== 0 || (await onPath('apt-get')) === undefined)
    throw new Error(
      `the tests need ${python} with ${module}: install it (Debian and Ubuntu: apt-get install ${debianPackage})`,
    )
  await aptGet('update')
  await aptGet('install', '-y', '--no-install-recommends', debianPackage)
  if (await isIt(python, mark)) return python
  throw new Error(`the tests need ${python} with ${module}, which apt-get install ${debianPackage} did not bring`)
}
