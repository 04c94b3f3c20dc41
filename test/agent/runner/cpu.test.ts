import test from 'ava'
import type { RunnerName } from '../../../proto/shard.js'
import { type Code, range, Seat, writeFolder } from '../seat.js'

const LOOP = 'i=0; while [ $i -lt 600000 ]; do i=$((i+1)); done; echo $i'
const folder = writeFolder({
  'functions.mjs': `
    import { execFileSync } from 'node:child_process'
    export const loop = () => { const before = process.cpuUsage(); while (process.cpuUsage(before).user < 200_000); }
    export const spawns = () => { execFileSync('sh', ['-c', '${LOOP}']) }
    export const waits = () => new Promise(resolve => setTimeout(resolve, 300))
  `,
  'functions.py': `
import subprocess, time
def loop(x):
    end = time.process_time() + 0.2
    while time.process_time() < end: pass
def spawns(x): subprocess.run(['sh', '-c', '${LOOP}'], stdout=subprocess.DEVNULL)
def waits(x): time.sleep(0.3)
`,
})

const code: Record<RunnerName, (name: string) => Code> = {
  node: name => ({ spec: { entry: 'functions.mjs', function: name }, folder }),
  python: name => ({ spec: { entry: 'functions.py', function: name }, folder }),
  exec: name => ({ spec: { command: { argv: ['sh', '-c', name === 'waits' ? 'sleep 0.3' : LOOP], shell: false } } }),
}

for (const runner of ['node', 'python', 'exec'] as const) {
  test(`${runner}: CPU of the function, and of what it starts, is told apart from waiting`, async t => {
    const seat = new Seat(t, runner)
    const cpuSecondsOf = async (name: string): Promise<number> => {
      const { parts } = await seat.run(seat.load(code[runner](name)), range(1))
      return parts.at(-1)?.timing.cpuSeconds ?? 0
    }
    t.true((await cpuSecondsOf('loop')) > 0.1)
    t.true((await cpuSecondsOf('spawns')) > 0.1)
    t.true((await cpuSecondsOf('waits')) < 0.1)
    await seat.worker.close(5)
  })
}
