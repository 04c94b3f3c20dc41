// The most memory that a command took. In: a command, and what is fed to its standard input. Out: its peak RSS in bytes.
// Only the process itself is counted, not its workers: what they hold is the user's function's.
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { Writable } from 'node:stream'

export interface Peak {
  readonly peakBytes: number
  readonly seconds: number
}

/** Smaller: more reads of a small file. Larger: the last peak before the end may be missed where the system keeps none. */
const SAMPLE_MS = 20

/** Linux keeps the highest value (VmHWM); elsewhere what `ps` says now is sampled. */
const residentBytes = async (pid: number): Promise<number> => {
  try {
    const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return Number(kilobytes ?? 0) * 1024
  } catch {
    if (process.platform === 'linux') return 0
  }
  const ps = spawn('ps', ['-o', 'rss=', '-p', String(pid)], { stdio: ['ignore', 'pipe', 'ignore'] })
  let text = ''
  for await (const chunk of ps.stdout) text += chunk
  return Number(text.trim()) * 1024
}

const end = (child: ChildProcess): Promise<number | null> =>
  new Promise((resolve, reject) => {
    child.once('error', reject)
    child.once('exit', code => resolve(code))
  })

export const peakOf = async (
  command: readonly string[],
  feed?: (stdin: Writable) => Promise<void>,
  cwd = process.cwd(),
): Promise<Peak> => {
  const began = performance.now()
  const child = spawn(command[0] ?? '', command.slice(1), {
    cwd,
    stdio: [feed === undefined ? 'ignore' : 'pipe', 'ignore', 'inherit'],
  })
  let peakBytes = 0
  const timer = setInterval(async () => {
    if (child.pid !== undefined) peakBytes = Math.max(peakBytes, await residentBytes(child.pid))
  }, SAMPLE_MS)
  try {
    const ended = end(child)
    // A command that ends early says why by itself.
    child.stdin?.on('error', () => {})
    if (feed !== undefined && child.stdin !== null) await Promise.race([feed(child.stdin), ended])
    const code = await ended
    if (code !== 0) throw new Error(`${command.join(' ')} ended with exit code ${code}`)
  } finally {
    clearInterval(timer)
  }
  return { peakBytes, seconds: (performance.now() - began) / 1000 }
}

/** Lines of JSON, `bytes` in all, no faster than they are taken. */
export const feedJsonLines =
  (bytes: number) =>
  async (stdin: Writable): Promise<void> => {
    let index = 0
    for (let written = 0; written < bytes; ) {
      let text = ''
      while (text.length < 64 * 1024) text += `{"id":${index},"name":"item ${index}","value":${Math.sqrt(index++)}}\n`
      written += text.length
      if (!stdin.write(text)) await once(stdin, 'drain')
    }
    stdin.end()
  }
