// How a Python worker is started: by the host's python3, or by the one that MANYHANDS_PYTHON names.
import { fileURLToPath } from 'node:url'
import { PYTHON } from '../environment.js'
import { lookUp } from '../path.js'
import type { Runner } from '../start.js'
import { behindPyenv } from './pyenv.js'

const FOLDER = fileURLToPath(new URL('.', import.meta.url))
/**
 * As a module the worker's code is compiled once for all workers, where this folder may be written (a script would be at each
 * start, 11 ms); what Python is told of compiled files is meant for the user's. It leaves no name behind that a module of the
 * user's may have.
 */
const START = `
import sys
asked, sys.dont_write_bytecode, sys.path[0] = sys.dont_write_bytecode, False, sys.argv[1]
from child import main
sys.dont_write_bytecode = asked
del sys.modules["child"], asked
main()
`

export const pythonRunner: Runner = {
  command: (environment, cwd) => {
    const wanted = environment[PYTHON] || 'python3'
    const found = lookUp(wanted, environment.PATH)
    if (found === undefined)
      throw new Error(
        `there is no ${wanted} on this host (looked in PATH: ${environment.PATH ?? ''}); install Python 3.9 or newer, or set ${PYTHON}`,
      )
    return [...(behindPyenv(found, environment, cwd) ?? ([found] as const)), '-c', START, FOLDER]
  },
  diesWithAgent: true,
}
