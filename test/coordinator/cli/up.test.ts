// A whole cluster on this machine, started and ended as people do it.
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import test from 'ava'
import { programOf } from '../../support/debian.js'

const MAIN = fileURLToPath(new URL('../../../coordinator/command/main.cjs', import.meta.url))
test.before(async () => {
  await programOf('nats-server', 'nats-server')
})

const isAlive = (pid: number): boolean => {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}

const until = async (isSo: () => boolean, seconds: number): Promise<boolean> => {
  for (let tries = seconds * 20; tries > 0 && !isSo(); tries--) await new Promise(go => setTimeout(go, 50))
  return isSo()
}

/** Starts `up` with one agent; resolves when that has joined. */
const startUp = async () => {
  const child = spawn(process.execPath, [MAIN, 'up', '--agents', '1', '--slots', '1', '-v'])
  const ended = once(child, 'exit') as Promise<[number | null, NodeJS.Signals | null]>
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const isReady = await until(() => /agent \S+ lends 1 slot/.test(said), 20)
  const url = /nats:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? ''
  const pids = [...said.matchAll(/ \(process (\d+)\)/g)].map(match => Number(match[1]))
  const store = /store (\S+)/.exec(said)?.[1] ?? ''
  return { child, ended, isReady, url, pids, store, said: () => said }
}

test.serial('up runs a job, and Ctrl-C ends all that it started', async t => {
  const { child, ended, isReady, url, pids, store, said } = await startUp()
  t.true(isReady, said())
  t.is(pids.length, 2, said())
  const map = spawn(process.execPath, [MAIN, 'map', 'Math.sqrt', '--range', '0..3', '--quiet', '--nats', url])
  let values = ''
  map.stdout.on('data', chunk => {
    values += chunk
  })
  const [code] = (await once(map, 'close')) as [number]
  t.is(code, 0)
  t.is(values, '0\n1\n1.4142135623730951\n')
  child.kill('SIGINT')
  t.deepEqual(await ended, [0, null])
  t.true(await until(() => !pids.some(isAlive) && !existsSync(dirname(store)), 10))
})

test.serial('an agent that dies is started again, and nothing outlives a killed up', async t => {
  const { child, ended, isReady, pids, store, said } = await startUp()
  t.true(isReady, said())
  const [, agent = 0] = pids
  process.kill(agent, 'SIGKILL')
  t.true(await until(() => /ended \(SIGKILL\)[\s\S]*lends 1 slot/.test(said()), 20), said())
  child.kill('SIGKILL')
  await ended
  const all = [...said().matchAll(/ \(process (\d+)\)/g)].map(match => Number(match[1]))
  t.is(all.length, 3)
  t.true(await until(() => !all.some(isAlive), 10), 'processes are gone')
  t.true(await until(() => !existsSync(dirname(store)), 10), 'the store is gone')
})

test('a server that ends at once is told of with its last words', async t => {
  const child = spawn(process.execPath, [MAIN, 'up', '--nats-server', '/no/such/nats-server'])
  let said = ''
  child.stderr.on('data', chunk => {
    said += chunk
  })
  const [code] = (await once(child, 'close')) as [number | null]
  t.is(code, 3, said)
  t.regex(said, /nats-server did not start .*\[MH-SERVER-ENDED\][\s\S]*not found/)
})
