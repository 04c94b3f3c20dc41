#!/usr/bin/env node
// The command. In: the arguments, the environment, the signals of this process. Out: results on standard output,
// everything else on standard error, an exit code. Always true: nothing is imported that the command does not need.
import { programVersion } from '../proto/program.js'
import { EXIT, Fault, faultOf, renderFault } from './cli/fault.js'
import { runProgram } from './cli/program.js'

const UNFINISHED =
  'this process ended before its job did: a function that ran in it called process.exit(), or waits for what never comes'
const INSTEAD = 'Let it return or throw; with --place local it runs in workers, which may end.'

// A closed standard error must not end a job whose results go somewhere else; a reader of standard output that went away
// (`| head`) has what it wanted. Anything else that keeps results from being written is an error.
process.stderr.on('error', () => {})
let unwritten: Error | undefined
process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  if (error.code !== 'EPIPE') unwritten ??= error
})

const args = process.argv.slice(2)

const main = async (): Promise<number> => {
  try {
    const code = await runProgram(args, programVersion())
    // Errors of streams come a turn later.
    await new Promise(resolve => setImmediate(resolve))
    if (unwritten && code === EXIT.done) {
      throw new Fault('MH-OUTPUT', `cannot write to standard output: ${unwritten.message}`, undefined, unwritten)
    }
    return code
  } catch (error) {
    return tell(faultOf(error, 'MH-INTERNAL'))
  }
}

const tell = (fault: Fault): number => {
  const dashes = args.indexOf('--')
  const verbose = (dashes < 0 ? args : args.slice(0, dashes)).some(word => word === '-v' || word === '--verbose')
  process.stderr.write(renderFault(fault, verbose))
  return fault.exitCode
}

let isOver = false
process.once('exit', code => {
  // A function that runs in this process ended it, or waits for what never comes.
  if (!isOver && code === EXIT.done) process.exitCode = tell(new Fault('MH-JOB-BROKEN', UNFINISHED, INSTEAD))
})
void main().then(code => {
  isOver = true
  process.exitCode = code
  // Nothing is owed any more: what still holds the event loop (a half-read input, say) does not hold the user.
  setTimeout(() => process.exit(), 500).unref()
})
