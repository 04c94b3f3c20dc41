// A copy of the build in which mistakes are planted, to see that the tests bite. In: a mutant. Out: what the tests said of it.
// Always true: one mistake at a time; the build itself is never touched.
import { execFile } from 'node:child_process'
import { cp, mkdir, mkdtemp, readFile, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Mutant } from './mutants.js'

const root = fileURLToPath(new URL('../../../', import.meta.url))
const PARTS = ['proto', 'coordinator', 'agent', 'test/simulation', 'test/coordinator', 'test/agent', 'test/proto']
const SEEDS = 1500
const LONGEST_MS = 60_000

/** A copy of the build in which mutants are planted one after the other. */
export class Nursery {
  readonly #folder: string

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(): Promise<Nursery> {
    const folder = await mkdtemp(join(tmpdir(), 'manyhands-mutants-'))
    await mkdir(join(folder, 'dist/test'), { recursive: true })
    for (const part of PARTS) await cp(join(root, 'dist', part), join(folder, 'dist', part), { recursive: true })
    await cp(join(root, 'package.json'), join(folder, 'package.json'))
    await symlink(join(root, 'node_modules'), join(folder, 'node_modules'))
    return new Nursery(folder)
  }

  /** Whether the tests catch it. */
  async plant({ file, find, replace, by }: Mutant): Promise<boolean> {
    const path = join(this.#folder, 'dist', file)
    const healthy = await readFile(path, 'utf8')
    const places = healthy.split(find).length - 1
    if (places !== 1) throw new Error(`a stale mutant: ${JSON.stringify(find)} stands ${places} times in ${file}`)
    // Not `replace`, which reads "$" in its own way.
    await writeFile(path, healthy.split(find).join(replace))
    try {
      return !(await this.passes(by))
    } finally {
      await writeFile(path, healthy)
    }
  }

  passes(by: Mutant['by']): Promise<boolean> {
    const command =
      by === 'simulation'
        ? ['dist/test/simulation/main.js', '--seeds', String(SEEDS), '--bail']
        : ['node_modules/ava/entrypoints/cli.mjs', '--fail-fast', `dist/test/${by}.test.js`]
    return new Promise(resolve => {
      // A mutant may also hang, or take all the memory it is given.
      const options = {
        cwd: this.#folder,
        timeout: LONGEST_MS,
        env: { ...process.env, NODE_OPTIONS: '--max-old-space-size=512' },
      }
      execFile(process.execPath, command, options, error => resolve(error === null))
    })
  }

  close(): Promise<void> {
    return rm(this.#folder, { recursive: true, force: true })
  }
}
