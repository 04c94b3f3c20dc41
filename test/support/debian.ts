// Programs that the tests run and that Debian packages. In: a program and its package. Out: its path.
// Always true: what is missing is installed with apt-get when that is allowed here, or is an Error of one line that says
// what to install; nothing is skipped.
import { execFile } from 'node:child_process'
import { access } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { promisify } from 'node:util'

const run = promisify(execFile)

export const onPath = async (program: string): Promise<string | undefined> => {
  for (const folder of [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin', '/sbin'].filter(Boolean)) {
    const path = join(folder, program)
    if (
      await access(path).then(
        () => true,
        () => false,
      )
    )
      return path
  }
  return undefined
}

export const programOf = async (program: string, debianPackage: string): Promise<string> => {
  const found = await onPath(program)
  if (found !== undefined) return found
  const remedy = `install it (Debian and Ubuntu: apt-get install ${debianPackage})`
  if (process.getuid?.() !== 0 || (await onPath('apt-get')) === undefined)
    throw new Error(`the tests need ${program}: ${remedy}`)
  // Test files run side by side, and each may find the same thing missing.
  const patience = ['-o', 'DPkg::Lock::Timeout=300']
  await run('apt-get', [...patience, 'update'])
  await run('apt-get', [...patience, 'install', '-y', '--no-install-recommends', debianPackage])
  const installed = await onPath(program)
  if (installed === undefined)
    throw new Error(`the tests need ${program}, and apt-get install ${debianPackage} did not bring it: ${remedy}`)
  return installed
}
