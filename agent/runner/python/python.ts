// How a Python worker is started: by the host's python3, or by the one that MANYHANDS_PYTHON names.
import { fileURLToPath } from 'node:url'
import { PYTHON } from '../environment.js'
import { lookUp } from '../path.js'
import type { Runner } from '../start.js'

const CHILD = fileURLToPath(new URL('./child.py', import.meta.url))

export const pythonRunner: Runner = {
  command: environment => {
    const wanted = environment[PYTHON] || 'python3'
    const found = lookUp(wanted, environment.PATH)
    if (found === undefined)
      throw new Error(
        `there is no ${wanted} on this host (looked in PATH: ${environment.PATH ?? ''}); install Python 3.9 or newer, or set ${PYTHON}`,
      )
    return [found, CHILD]
  },
  diesWithAgent: true,
}
