// Verify a log of ours with other people's code: golang.org/x/mod's sumdb/note and sumdb/tlog, which
// the Go checksum database and its clients stand on.
//
//	verify VKEY LOG [CHECKPOINT.checkpoint | PROOF.tlog-proof]...
//
// LOG is the log's folder. It checks the checkpoint, every entry, every tile, every inclusion,
// consistency from each further checkpoint, and each proof. It prints what it counted as JSON.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"golang.org/x/mod/sumdb/note"
	"golang.org/x/mod/sumdb/tlog"
)

const height = 8

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3:]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// folder reads tiles where C2SP tlog-tiles has them: the height is not in the path.
type folder string

func (dir folder) Height() int { return height }

func (dir folder) ReadTiles(tiles []tlog.Tile) ([][]byte, error) {
	var all [][]byte
	for _, tile := range tiles {
		data, err := dir.read(tile)
		if err != nil {
			return nil, err
		}
		all = append(all, data)
	}
	return all, nil
}

func (dir folder) SaveTiles([]tlog.Tile, [][]byte) {}

func (dir folder) read(tile tlog.Tile) ([]byte, error) {
	path := strings.TrimPrefix(tile.Path(), fmt.Sprintf("tile/%d/", height))
	path = strings.Replace(path, "data/", "entries/", 1)
	return os.ReadFile(filepath.Join(string(dir), "tile", filepath.FromSlash(path)))
}

// stored holds the hashes of the entries, as tlog computes them from the entries alone.
type stored []tlog.Hash

func (hashes stored) ReadHashes(indexes []int64) ([]tlog.Hash, error) {
	var all []tlog.Hash
	for _, index := range indexes {
		all = append(all, hashes[index])
	}
	return all, nil
}

// tree opens a signed checkpoint of this log.
func tree(data []byte, verifier note.Verifier) (tlog.Tree, error) {
	opened, err := note.Open(data, note.VerifierList(verifier))
	if err != nil {
		return tlog.Tree{}, err
	}
	origin, rest, _ := strings.Cut(opened.Text, "\n")
	if origin != verifier.Name() {
		return tlog.Tree{}, fmt.Errorf("the checkpoint is of %q", origin)
	}
	return tlog.ParseTree([]byte("go.sum database tree\n" + rest))
}

func run(vkey, log string, files []string) error {
	verifier, err := note.NewVerifier(vkey)
	if err != nil {
		return err
	}
	signed, err := os.ReadFile(filepath.Join(log, "checkpoint"))
	if err != nil {
		return err
	}
	now, err := tree(signed, verifier)
	if err != nil {
		return fmt.Errorf("checkpoint: %w", err)
	}
	counted := map[string]int64{"size": now.N}
	leaves, err := entries(folder(log), now, counted)
	if err != nil {
		return err
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			return err
		}
		if strings.HasSuffix(file, ".tlog-proof") {
			counted["proofs"]++
			err = proof(data, verifier, leaves)
		} else {
			counted["consistent"]++
			err = consistent(data, verifier, folder(log), now)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Base(file), err)
		}
	}
	return json.NewEncoder(os.Stdout).Encode(counted)
}

// tiles returns the tiles of a tree: the full ones, and the one at each level's edge.
func tiles(size int64) []tlog.Tile {
	var all []tlog.Tile
	for level := 0; size > 0; level++ {
		for n := int64(0); n<<height < size; n++ {
			width := 1 << height
			if rest := size - n<<height; rest < int64(width) {
				width = int(rest)
			}
			all = append(all, tlog.Tile{H: height, L: level, N: n, W: width})
		}
		size >>= height
	}
	return all
}

// entries checks every bundle, tile and inclusion of the tree; it returns the entries.
func entries(dir folder, now tlog.Tree, counted map[string]int64) ([][]byte, error) {
	var leaves [][]byte
	var hashes stored
	for _, tile := range tiles(now.N) {
		if tile.L != 0 {
			continue
		}
		tile.L = -1
		data, err := dir.read(tile)
		if err != nil {
			return nil, err
		}
		counted["bundles"]++
		for within := 0; within < tile.W; within++ {
			if len(data) < 2 || len(data) < 2+int(binary.BigEndian.Uint16(data)) {
				return nil, fmt.Errorf("%s ends within entry %d", tile.Path(), within)
			}
			end := 2 + int(binary.BigEndian.Uint16(data))
			leaves = append(leaves, data[2:end])
			more, err := tlog.StoredHashes(int64(len(leaves)-1), data[2:end], hashes)
			if err != nil {
				return nil, err
			}
			hashes = append(hashes, more...)
			data = data[end:]
		}
		if len(data) != 0 {
			return nil, fmt.Errorf("%s goes on after its entries", tile.Path())
		}
	}
	root, err := tlog.TreeHash(now.N, hashes)
	if err != nil {
		return nil, err
	}
	if root != now.Hash {
		return nil, fmt.Errorf("the entries have another root")
	}
	for _, tile := range tiles(now.N) {
		want, err := tlog.ReadTileData(tile, hashes)
		if err != nil {
			return nil, err
		}
		have, err := dir.read(tile)
		if err != nil {
			return nil, err
		}
		if !bytes.Equal(want, have) {
			return nil, fmt.Errorf("%s differs from the entries", tile.Path())
		}
		counted["tiles"]++
	}
	return leaves, included(dir, now, leaves, counted)
}

// included proves entries from the tiles alone, as a client that has only these would.
func included(dir folder, now tlog.Tree, leaves [][]byte, counted map[string]int64) error {
	reader := tlog.TileHashReader(now, dir)
	step := int64(1)
	if now.N > 2000 {
		step = now.N / 1000
	}
	for index := int64(0); index < now.N; index += step {
		path, err := tlog.ProveRecord(now.N, index, reader)
		if err != nil {
			return err
		}
		if err := tlog.CheckRecord(path, now.N, now.Hash, index, tlog.RecordHash(leaves[index])); err != nil {
			return fmt.Errorf("entry %d: %w", index, err)
		}
		counted["included"]++
	}
	return nil
}

// consistent checks that the log has grown from an earlier checkpoint.
func consistent(signed []byte, verifier note.Verifier, dir folder, now tlog.Tree) error {
	before, err := tree(signed, verifier)
	if err != nil {
		return err
	}
	path, err := tlog.ProveTree(now.N, before.N, tlog.TileHashReader(now, dir))
	if err != nil {
		return err
	}
	return tlog.CheckTree(path, now.N, now.Hash, before.N, before.Hash)
}

// proof checks a C2SP tlog-proof of one entry.
func proof(data []byte, verifier note.Verifier, leaves [][]byte) error {
	head, signed, found := strings.Cut(string(data), "\n\n")
	if !found {
		return fmt.Errorf("no checkpoint")
	}
	lines := strings.Split(head, "\n")
	if lines[0] != "c2sp.org/tlog-proof@v1" {
		return fmt.Errorf("another format: %q", lines[0])
	}
	lines = lines[1:]
	var extra []byte
	if text, has := cutPrefix(lines[0], "extra "); has {
		decoded, err := base64.StdEncoding.DecodeString(text)
		if err != nil {
			return err
		}
		extra, lines = decoded, lines[1:]
	}
	text, _ := cutPrefix(lines[0], "index ")
	index, err := strconv.ParseInt(text, 10, 64)
	if err != nil {
		return err
	}
	var path tlog.RecordProof
	for _, line := range lines[1:] {
		hash, err := tlog.ParseHash(line)
		if err != nil {
			return err
		}
		path = append(path, hash)
	}
	at, err := tree([]byte(signed), verifier)
	if err != nil {
		return err
	}
	if index < 0 || index >= int64(len(leaves)) {
		return fmt.Errorf("the log has no entry %d", index)
	}
	if extra != nil && !bytes.Equal(extra, leaves[index]) {
		return fmt.Errorf("the proof holds another entry than the log has at %d", index)
	}
	return tlog.CheckRecord(path, at.N, at.Hash, index, tlog.RecordHash(leaves[index]))
}

func cutPrefix(text, prefix string) (string, bool) {
	return strings.TrimPrefix(text, prefix), strings.HasPrefix(text, prefix)
}
