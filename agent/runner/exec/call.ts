// One command, run to its end. In: a command line. Out: what it wrote to its standard output, or why it failed.
// Always true: the command is in the worker's own process group, so whatever ends the worker ends the command; its standard
// error passes through, and its end stays for the failure.
import { isUtf8 } from 'node:buffer'
import { type ChildProcess, spawn } from 'node:child_process'
import type { Failure } from '../../../proto/outcome.js'
import { lookUp } from '../path.js'
import type { CommandLine } from './command.js'

export type Called = { readonly value: string | Uint8Array } | { readonly failure: Failure }

/** More is a file's business: the value passes through the agent's and the coordinator's memory. */
const OUTPUT_LIMIT_BYTES = 16 * 1024 * 1024
const STDERR_TAIL_BYTES = 4 * 1024
/** For processes that the command left behind with its output open. */
const PIPE_GRACE_SECONDS = 1
const LINE_FEED = 10

const failed = (message: string, stderr = ''): Called => ({
  failure: { reason: 'error', message, ...(stderr === '' ? {} : { stderr }) },
})

/** As $(…) gives it: text without the line feeds at its end; bytes that are no UTF-8 as they are. */
const outputOf = (chunks: readonly Buffer[]): string | Uint8Array => {
  const bytes = Buffer.concat(chunks)
  if (!isUtf8(bytes)) return new Uint8Array(bytes)
  let end = bytes.length
  while (end > 0 && bytes[end - 1] === LINE_FEED) end -= 1
  return bytes.toString('utf8', 0, end)
}

const notStarted = (file: string, error: NodeJS.ErrnoException): string => {
  if (error.code === 'ENOENT' && lookUp(file, process.env.PATH) === undefined)
    return file.includes('/')
      ? `there is no command ${file}`
      : `there is no command ${file} in PATH (${process.env.PATH ?? ''})`
  if (error.code === 'E2BIG') return `the arguments of ${file} are longer than the system allows`
  return `could not start ${file}: ${error.message}`
}

const endOf = (file: string, code: number | null, signal: string | null, stderr: string): string => {
  const how = signal === null ? `ended with exit code ${code}` : `was killed by ${signal}`
  const lastLine = stderr.trimEnd().split('\n').at(-1) ?? ''
  return lastLine === '' ? `${file} ${how}` : `${file} ${how}: ${lastLine.slice(0, 500)}`
}

const start = ({ file, args }: CommandLine): ChildProcess => spawn(file, args, { stdio: ['ignore', 'pipe', 'pipe'] })

export const callCommand = (line: CommandLine): Promise<Called> =>
  new Promise(resolve => {
    const chunks: Buffer[] = []
    let bytes = 0
    let stderr = Buffer.alloc(0)
    let tooMuch = false
    let child: ChildProcess
    try {
      child = start(line)
    } catch (error) {
      resolve(failed(notStarted(line.file, error as NodeJS.ErrnoException)))
      return
    }
    child.stdout?.on('data', (chunk: Buffer) => {
      bytes += chunk.length
      if (bytes <= OUTPUT_LIMIT_BYTES) {
        chunks.push(chunk)
      } else if (!tooMuch) {
        tooMuch = true
        chunks.length = 0
        child.kill('SIGKILL')
        child.stdout?.destroy()
      }
    })
    child.stderr?.on('data', (chunk: Buffer) => {
      process.stderr.write(chunk)
      stderr = Buffer.concat([stderr, chunk]).subarray(-STDERR_TAIL_BYTES)
    })
    child.on('error', (error: NodeJS.ErrnoException) => {
      if (child.pid === undefined) resolve(failed(notStarted(line.file, error)))
    })
    child.on('exit', () => {
      const timer = setTimeout(() => {
        child.stdout?.destroy()
        child.stderr?.destroy()
      }, PIPE_GRACE_SECONDS * 1000)
      child.once('close', () => clearTimeout(timer))
    })
    child.on('close', (code, signal) => {
      const said = stderr.toString('utf8')
      if (tooMuch)
        resolve(
          failed(
            `${line.file} wrote more than ${OUTPUT_LIMIT_BYTES} bytes to its standard output; let it write a file`,
            said,
          ),
        )
      else if (code === 0) resolve({ value: outputOf(chunks) })
      else resolve(failed(endOf(line.file, code, signal, said), said))
    })
  })
