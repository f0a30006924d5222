/**
 * Constants of MPI's C interface, which each family of libraries chose for itself. Open MPI's handles are addresses of
 * its own variables, MPICH's (and Intel's, Cray's, MVAPICH's) whole numbers of 32 bits.
 */

/** A handle or constant: its value, or the symbol whose address it is. */
export type Constant = number | { readonly symbol: string };

export interface Family {
  readonly name: string;
  /** Names that the dynamic linker may know the library by, the surest first. */
  readonly libraries: readonly string[];
  /** What `MPI_Get_library_version` begins with. */
  readonly says: RegExp;
  /** How a handle is passed. */
  readonly handle: 'void *' | 'int';
  readonly world: Constant;
  readonly byte: Constant;
  readonly float: Constant;
  readonly sum: Constant;
  readonly errorsReturn: Constant;
  readonly infoNull: Constant;
  /** MPI_IN_PLACE. */
  readonly inPlace: number;
  /** MPI_STATUS_IGNORE. */
  readonly noStatus: number;
  /** MPI_COMM_TYPE_SHARED. */
  readonly shared: number;
}

const of = (symbol: string): Constant => ({ symbol });

const OPEN_MPI: Family = {
  name: 'Open MPI',
  libraries: ['libmpi.so.40', 'libmpi.40.dylib'],
  says: /^Open MPI v?(\S+?),/,
  handle: 'void *',
  world: of('ompi_mpi_comm_world'),
  byte: of('ompi_mpi_byte'),
  float: of('ompi_mpi_float'),
  sum: of('ompi_mpi_op_sum'),
  errorsReturn: of('ompi_mpi_errors_return'),
  infoNull: of('ompi_mpi_info_null'),
  inPlace: 1,
  noStatus: 0,
  shared: 0,
};

const MPICH: Family = {
  name: 'MPICH',
  libraries: ['libmpich.so.12', 'libmpi.so.12', 'libmpi.12.dylib'],
  says: /^(?:MPICH|Intel|CRAY|MVAPICH)\D*(\S+)/i,
  handle: 'int',
  world: 0x44000000,
  byte: 0x4c00010d,
  float: 0x4c00040a,
  sum: 0x58000003,
  errorsReturn: 0x54000001,
  infoNull: 0x1c000000,
  inPlace: -1,
  noStatus: 1,
  shared: 1,
};

/** Those that were tried. MPI 5's common ABI would be a third table. */
export const FAMILIES: readonly Family[] = [OPEN_MPI, MPICH];
