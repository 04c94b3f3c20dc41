// The NATS server of `up`: on loopback, with JetStream, in a store of its own. In: the program, a port, a store. Out: its
// URL once it is ready. Always true: it ends when this process ends, also by kill -9; a temporary store goes with it.
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { startChild } from './child.js'
import { Fault } from './fault.js'

const READY_SECONDS = 10
const STOP_SECONDS = 5
const LAST_LINES = 10

// A shell holds the server on the leash of its standard input, because nats-server does not look at its own: when the
// leash ends, so does the server, and then its folder goes, whether or not we are still there to do it.
const LEASH = [
  'folder=$1; shift; exec 3<&0',
  '"$@" </dev/null 3<&- & server=$!',
  '{ cat <&3 >/dev/null; kill "$server" 2>/dev/null; } &',
  'wait "$server"; code=$?; rm -rf -- "$folder"; exit "$code"',
].join('\n')

export interface NatsServer {
  readonly url: string
  readonly version: string
  readonly store: string
  readonly pid: number | undefined
  readonly ended: Promise<string>
  lastWords(): string
  /** Idempotent. */
  stop(): Promise<void>
}

export interface NatsServerOptions {
  readonly file: string
  readonly port: number | undefined
  readonly store: string | undefined
}

/** The address in the file that nats-server writes when it listens; `undefined` until then. */
const listeningAt = (folder: string): string | undefined => {
  try {
    const file = readdirSync(folder).find(name => name.endsWith('.ports'))
    if (file === undefined) return undefined
    const { nats } = JSON.parse(readFileSync(join(folder, file), 'utf8')) as { nats?: string[] }
    return nats?.[0]
  } catch {
    // Half written; or the server has ended already, and its folder with it.
    return undefined
  }
}

export const startNatsServer = async ({ file, port, store }: NatsServerOptions): Promise<NatsServer> => {
  const folder = mkdtempSync(join(tmpdir(), 'manyhands-up-'))
  const words: string[] = []
  let version = ''
  const storeFolder = store ?? join(folder, 'store')
  const args = ['-a', '127.0.0.1', '-p', String(port ?? -1), '-js', '-sd', storeFolder, '--ports_file_dir', folder]
  const child = startChild('/bin/sh', ['-c', LEASH, 'nats-server', folder, file, ...args], line => {
    version ||= /Version:\s*([\d.]+\S*)/.exec(line)?.[1] ?? ''
    words.push(line)
    if (words.length > LAST_LINES) words.shift()
  })
  let over: string | undefined
  void child.ended.then(how => {
    over = how
  })
  const lastWords = (): string => words.join('\n')
  const stop = async (): Promise<void> => {
    child.release()
    if ((await Promise.race([child.ended, sleep(STOP_SECONDS * 1000, 'late', { ref: false })])) === 'late') {
      child.kill()
      await child.ended
    }
    rmSync(folder, { recursive: true, force: true })
  }
  const deadline = performance.now() + READY_SECONDS * 1000
  let url = listeningAt(folder)
  for (; url === undefined; url = listeningAt(folder)) {
    if (over !== undefined || performance.now() > deadline) {
      const how = over === undefined ? `was not ready within ${READY_SECONDS} s` : `did not start (${over})`
      const said = lastWords()
      await stop()
      throw new Fault('MH-SERVER-ENDED', `nats-server ${how}: ${file} ${args.join(' ')}`, said)
    }
    await sleep(20)
  }
  return { url, version, store: storeFolder, pid: child.pid, ended: child.ended, lastWords, stop }
}
