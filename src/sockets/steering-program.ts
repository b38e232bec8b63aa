import type { Instruction } from '../host/kernel/sockets.ts';

// Classic BPF (Documentation/networking/filter.rst): load an absolute half word, compare, return.
const loadHalfWord = 0x28;
const jumpIfEqual = 0x15;
const returnValue = 0x06;

/** Offsets from here count from the network header (SKF_NET_OFF of linux/filter.h). */
const networkHeader = -0x100000;
/** Length of the header before TCP's, which begins with the source port. A client of ours sends no IP options. */
const ipHeaderLength = { 4: 20, 6: 40 } as const;

/** Every new connection goes to the socket with this index in the port's group. */
export function steerAll(index: number): readonly Instruction[] {
  return [plain(returnValue, index)];
}

export interface ProbeSteering {
  readonly family: 4 | 6;
  /** Where everybody goes. */
  readonly live: number;
  /** Where the probe goes, known by the port it comes from. */
  readonly candidate: number;
  readonly sourcePort: number;
}

export function steerProbe({ family, live, candidate, sourcePort }: ProbeSteering): readonly Instruction[] {
  return [
    plain(loadHalfWord, networkHeader + ipHeaderLength[family]),
    { code: jumpIfEqual, jumpIfTrue: 0, jumpIfFalse: 1, value: sourcePort },
    plain(returnValue, candidate),
    plain(returnValue, live),
  ];
}

function plain(code: number, value: number): Instruction {
  return { code, jumpIfTrue: 0, jumpIfFalse: 0, value };
}
