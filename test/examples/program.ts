// How the tests of the examples run programs. In: an argument vector. Out: what it printed, and its exit code.
// Always true: the programs are those of this build, and no environment variable of manyhands reaches them.
import { execFile } from 'node:child_process'
import { mkdtempSync, realpathSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ExecutionContext } from 'ava'

/** The repository's root, from dist/test/examples/. */
export const ROOT = fileURLToPath(new URL('../../..', import.meta.url))
export const MAIN = join(ROOT, 'dist/coordinator/command/main.cjs')

export interface Ended {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/** Runs a program in the repository's root, or in `cwd`; ended after a minute. */
export const runProgram = (
  [file, ...argv]: readonly [string, ...string[]],
  { cwd = ROOT, env = {} }: { readonly cwd?: string; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<Ended> => {
  const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith('MANYHANDS_'))
  const options = { cwd, env: { ...Object.fromEntries(inherited), NO_COLOR: '1', ...env }, timeout: 60_000 }
  return new Promise((resolve, reject) => {
    execFile(file, argv, { ...options, maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error !== null && typeof error.code !== 'number') reject(error)
      else resolve({ code: typeof error?.code === 'number' ? error.code : 0, stdout, stderr })
    })
  })
}

export const manyhands = (argv: readonly string[], cwd?: string): Promise<Ended> =>
  runProgram([process.execPath, MAIN, ...argv], cwd === undefined ? {} : { cwd })

export const example = (name: string, ...argv: string[]): Promise<Ended> =>
  runProgram([process.execPath, join(ROOT, 'dist/examples', name), ...argv])

/** An empty folder that goes with the test. */
export const folderOf = (t: ExecutionContext): string => {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'manyhands-examples-')))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  return folder
}
