import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { lookUp } from '../../agent/runner/path.js'
import { writeFolder } from './seat.js'

const TINY_AGENT = fileURLToPath(new URL('./tiny-agent.js', import.meta.url))

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

/** The pid of a group's member that still lives. */
const groupLives = (pid: number): boolean => isAlive(-pid) || isAlive(pid)

const pause = (seconds: number): Promise<void> => new Promise(resolve => setTimeout(resolve, seconds * 1000))

const folder = writeFolder({
  'busy.mjs': 'export const busy = x => { for (;;) x++ }',
  'busy.py': 'def busy(x):\n  while True: x += 1\n',
})
const CODE = {
  node: { spec: { entry: 'busy.mjs', function: 'busy' }, folder },
  python: { spec: { entry: 'busy.py', function: 'busy' }, folder },
  exec: { spec: { command: { argv: ['sh', '-c', 'sleep 100; :'], shell: false } } },
}

/** A PATH that has no setpriv, as on a system that cannot kill a worker with its agent. */
const bareFolder = mkdtempSync(join(tmpdir(), 'manyhands-path-'))
// python3 in PATH may be a script that needs more than is there.
const python = execFileSync('python3', ['-c', 'import sys; print(sys.executable)'], { encoding: 'utf8' }).trim()
for (const name of ['sh', 'sleep']) symlinkSync(lookUp(name, process.env.PATH) as string, join(bareFolder, name))

for (const runner of ['node', 'python', 'exec'] as const) {
  for (const [how, path] of [
    ['as the system allows', process.env.PATH ?? ''],
    ['by watching for it', bareFolder],
  ] as const) {
    test(`an agent killed with SIGKILL leaves no busy ${runner} worker, ${how}`, async t => {
      const agent = spawn(process.execPath, [TINY_AGENT, runner, JSON.stringify(CODE[runner])], {
        env: { ...process.env, PATH: path, MANYHANDS_PYTHON: python },
        stdio: ['ignore', 'pipe', 'inherit'],
      })
      const [line] = (await once(agent.stdout, 'data')) as [Buffer]
      const pid = Number(line)
      await pause(0.7)
      t.true(groupLives(pid))
      agent.kill('SIGKILL')
      for (let tries = 0; groupLives(pid) && tries < 50; tries++) await pause(0.1)
      t.false(groupLives(pid))
    })
  }
}
