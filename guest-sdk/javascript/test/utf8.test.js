// The codec for QuickJS against that of Node.js.
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decode, encode, wellFormed } from '../src/utf8.js';

const TEXTS = ['', 'a', 'ä€😀\0', 'x'.repeat(10_000), `${'y'.repeat(4095)}😀`, '\ufeffbom', '\x7f\x80\u07ff\u0800\uffff'];

test('texts come back as they went in, as the bytes that UTF-8 has', () => {
  for (const text of TEXTS) {
    const bytes = encode(text);
    assert.deepEqual(bytes, new Uint8Array(new TextEncoder().encode(text)));
    assert.equal(decode(bytes), text);
  }
});

test('what is not UTF-8 is refused as the standard refuses it', () => {
  const strict = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const random = (n) => Uint8Array.from({ length: n }, () => 0x70 + Math.random() * 0x90);
  const broken = [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xf4, 0x90, 0x80, 0x80], [0xe2, 0x82], [0x80]];
  for (const bytes of [...broken.map((of) => Uint8Array.from(of)), ...Array.from({ length: 2000 }, (_, i) => random(i % 7))]) {
    let expected;
    try {
      expected = strict.decode(bytes);
    } catch {}
    assert.equal(decode(bytes), expected, `${bytes}`);
  }
});

test('halves of surrogate pairs become U+FFFD', () => {
  assert.equal(wellFormed('a\ud800b\udc00😀'), 'a\ufffdb\ufffd😀');
  assert.deepEqual(encode('\ud800'), Uint8Array.of(0xef, 0xbf, 0xbd));
});
