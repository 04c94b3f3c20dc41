// What people would take instead of this package. Out: which of it is on this machine, and for what is not, the line that
// installs it. Always true: nothing is installed unless it was asked for, and nothing among the package's own dependencies.
import { execFileSync } from 'node:child_process'
import { accessSync, constants, existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { delimiter, join } from 'node:path'
import { wholeProcess } from './process.js'
import { PEERS_FOLDER, PYTHON } from './root.js'

const NODE_PACKAGES = {
  piscina: 'piscina@5.3.2',
  poolifier: 'poolifier@5.3.2',
  bullmq: 'bullmq@6.7.0',
  ioredis: 'ioredis@6.0.0',
} as const
const PYTHON_PACKAGES = { joblib: 'joblib', distributed: 'distributed' } as const
const PIP_FOLDER = join(PEERS_FOLDER, 'python')

export type PeerName =
  | 'Python Pool.map'
  | 'Python Pool.map, chunksize 1'
  | 'joblib'
  | 'Dask'
  | 'mpi4py'
  | 'Piscina'
  | 'poolifier'
  | 'BullMQ'
  | 'xargs'
  | 'GNU parallel'

const hasProgram = (name: string): boolean =>
  (process.env['PATH'] ?? '').split(delimiter).some(folder => {
    try {
      accessSync(join(folder, name), constants.X_OK)
      return true
    } catch {
      return false
    }
  })

/** Another package has a program of the same name. */
const hasGnuParallel = (): boolean => {
  try {
    return execFileSync('parallel', ['--version'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).includes(
      'GNU',
    )
  } catch {
    return false
  }
}

const hasNodePackage = (name: keyof typeof NODE_PACKAGES): boolean =>
  existsSync(join(PEERS_FOLDER, 'node_modules', name))

const hasPythonModule = (name: string): boolean => {
  try {
    const env = { ...process.env, PYTHONPATH: PIP_FOLDER }
    execFileSync(PYTHON, ['-c', `import importlib.util as u, sys; sys.exit(u.find_spec('${name}') is None)`], { env })
    return true
  } catch {
    return false
  }
}

interface Need {
  readonly isThere: () => boolean
  readonly install: string
}

const BY_BENCH = 'npm run bench -- --install'
const nothing: Need = { isThere: () => true, install: '' }
const NEEDS: Record<PeerName, Need> = {
  'Python Pool.map': nothing,
  'Python Pool.map, chunksize 1': nothing,
  joblib: { isThere: () => hasPythonModule('joblib'), install: BY_BENCH },
  Dask: { isThere: () => hasPythonModule('distributed'), install: BY_BENCH },
  mpi4py: {
    isThere: () => hasProgram('mpiexec') && hasPythonModule('mpi4py'),
    install: 'apt-get install python3-mpi4py',
  },
  Piscina: { isThere: () => hasNodePackage('piscina'), install: BY_BENCH },
  poolifier: { isThere: () => hasNodePackage('poolifier'), install: BY_BENCH },
  BullMQ: {
    isThere: () => hasNodePackage('bullmq') && hasProgram('redis-server'),
    install: `${BY_BENCH}, and apt-get install redis-server`,
  },
  xargs: { isThere: () => hasProgram('xargs'), install: 'apt-get install findutils' },
  'GNU parallel': { isThere: hasGnuParallel, install: 'apt-get install parallel' },
}

export class Peers {
  readonly #there = new Map<PeerName, boolean>()
  readonly #missing = new Set<PeerName>()

  /** Also notes what is missing, for `leftOut`. */
  has(name: PeerName): boolean {
    let isThere = this.#there.get(name)
    if (isThere === undefined) {
      isThere = NEEDS[name].isThere()
      this.#there.set(name, isThere)
    }
    if (!isThere) this.#missing.add(name)
    return isThere
  }

  /** One sentence for each peer that was asked for and is not there. */
  get leftOut(): string[] {
    return Array.from(this.#missing, name => `${name} is not installed: \`${NEEDS[name].install}\``)
  }
}

/** Packages for Node and for Python, into a folder that only the bench looks into. */
export const installPeers = async (): Promise<void> => {
  await mkdir(PEERS_FOLDER, { recursive: true })
  await writeFile(join(PEERS_FOLDER, 'package.json'), '{ "private": true }\n')
  const npm = ['npm', 'install', '--prefix', PEERS_FOLDER, '--save-exact', '--no-audit', '--no-fund']
  await wholeProcess([...npm, ...Object.values(NODE_PACKAGES)])
  const pip = [PYTHON, '-m', 'pip', 'install', '--quiet', '--target', PIP_FOLDER]
  await wholeProcess([...pip, ...Object.values(PYTHON_PACKAGES)])
}
