// A recording for the tests: two voices made of tones that take turns, as the recorder writes it (8 kHz, 16 bit,
// stereo), and its waveform.

const RATE = 8_000;

export function samples(seconds: number): [Int16Array, Int16Array] {
  const count = Math.round(seconds * RATE);
  const lane = (own: number, pitch: number) =>
    Int16Array.from({ length: count }, (_, at) => {
      const t = at / RATE;
      const speaks = Math.floor(t / 1.7) % 2 === own;
      const syllable = Math.max(0, Math.sin(2 * Math.PI * 3.1 * t + own));
      return speaks ? Math.round(7_000 * syllable * Math.sin(2 * Math.PI * pitch * t)) : 0;
    });
  return [lane(0, 180), lane(1, 260)];
}

export function wav(seconds: number): Buffer {
  const [left, right] = samples(seconds);
  const data = Buffer.alloc(left.length * 4);
  for (let at = 0; at < left.length; at += 1) {
    data.writeInt16LE(left[at] ?? 0, at * 4);
    data.writeInt16LE(right[at] ?? 0, at * 4 + 2);
  }
  const head = Buffer.alloc(44);
  head.write("RIFF", 0);
  head.writeUInt32LE(36 + data.length, 4);
  head.write("WAVEfmt ", 8);
  head.writeUInt32LE(16, 16);
  head.writeUInt16LE(1, 20);
  head.writeUInt16LE(2, 22);
  head.writeUInt32LE(RATE, 24);
  head.writeUInt32LE(RATE * 4, 28);
  head.writeUInt16LE(4, 32);
  head.writeUInt16LE(16, 34);
  head.write("data", 36);
  head.writeUInt32LE(data.length, 40);
  return Buffer.concat([head, data]);
}

export function waveform(seconds: number, points: number): object {
  const channels = samples(seconds).map(lane => {
    const min: number[] = [];
    const max: number[] = [];
    for (let point = 0; point < points; point += 1) {
      const part = lane.subarray(
        Math.floor((point * lane.length) / points),
        Math.floor(((point + 1) * lane.length) / points),
      );
      min.push(part.reduce((a, b) => Math.min(a, b), 0));
      max.push(part.reduce((a, b) => Math.max(a, b), 0));
    }
    return { min, max };
  });
  return { length_ms: seconds * 1000, channels };
}
