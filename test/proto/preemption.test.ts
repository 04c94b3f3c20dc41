// The system's own word on a busy machine: this process against others that want its cores.
import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { availableParallelism } from 'node:os'
import test from 'ava'
import { Preemption } from '../../proto/preemption.js'

const NOTHING = { codecSeconds: 0, turnSeconds: 0, cpuSeconds: 0 }
const SPIN = 'const end = Date.now() + 20_000; while (Date.now() < end);'

const nowSeconds = (): number => performance.now() / 1000
const cpuSeconds = (): number => {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

const spinFor = (seconds: number): number => {
  const began = nowSeconds()
  while (nowSeconds() - began < seconds);
  return nowSeconds() - began
}

/** Elsewhere nothing is told. */
const isTold = existsSync('/proc/thread-self/schedstat')

test.serial('what others take of the cores is told, and is not CPU time', async t => {
  const others: ChildProcess[] = Array.from({ length: 3 * availableParallelism() }, () =>
    spawn(process.execPath, ['-e', SPIN], { stdio: 'ignore' }),
  )
  t.teardown(() => {
    for (const other of others) other.kill('SIGKILL')
  })
  await new Promise(resolve => setTimeout(resolve, 1000))
  const before = cpuSeconds()
  const preemption = new Preemption()
  const computeSeconds = spinFor(1.5)
  const preempted = preemption.take({ ...NOTHING, computeSeconds })
  const cpu = cpuSeconds() - before
  if (!isTold) {
    t.is(preempted, 0)
    return
  }
  t.true(preempted > 0.3, `${preempted} of ${computeSeconds}`)
  t.true(Math.abs(computeSeconds - preempted - cpu) < 0.2, `${computeSeconds} - ${preempted} against ${cpu} of CPU`)
})

test.serial('a thread that sleeps wants no core', async t => {
  const preemption = new Preemption()
  const began = nowSeconds()
  await new Promise(resolve => setTimeout(resolve, 300))
  const computeSeconds = nowSeconds() - began
  const preempted = preemption.take({ ...NOTHING, computeSeconds })
  t.true(preempted < 0.1, `${preempted} of ${computeSeconds}`)
})

test.serial('a part that is too short to ask for has none', t => {
  const preemption = new Preemption()
  t.is(preemption.take({ ...NOTHING, computeSeconds: 0 }), 0)
})
