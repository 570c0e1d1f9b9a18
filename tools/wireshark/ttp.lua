-- SPDX-License-Identifier: GPL-2.0
--
-- Wireshark and tshark: the Tesla Transport Protocol over Ethernet, both the
-- socket dialect (EtherType 0x0AC6) and the bare one (0x9AC6).
--
--	tshark -X lua_script:ttp.lua -r file.pcap
--
-- or copy it to a plugin directory of Wireshark's (Help, About, Folders).
-- Filters begin with teslattp, since Wireshark knows another protocol as ttp.

local ETH_SOCKET = 0x0ac6
local ETH_BARE = 0x9ac6

-- Offsets from the start of the TTH, that is from the end of the Ethernet header
local TTH_LEN = 20
local TSH_LEN = 8
local TTP_LEN = 18
local EXT_LEN = 8
local BARE_LEN = TTH_LEN + TSH_LEN + TTP_LEN
local SOCKET_LEN = BARE_LEN + EXT_LEN
local EXT_VERSION = 0xe1

local opcodes = {
	[0] = "OPEN", [1] = "OPEN_ACK", [2] = "OPEN_NACK", [3] = "CLOSE",
	[4] = "CLOSE_ACK", [5] = "CLOSE_NACK", [6] = "PAYLOAD", [7] = "ACK",
	[8] = "NACK", [9] = "NACK_FULL", [10] = "NACK_NOLINK",
}
local OPEN, OPEN_ACK, CLOSE_NACK, PAYLOAD, NACK = 0, 1, 5, 6, 8

local flag_names = {
	{ 0x01, "LAST" }, { 0x02, "EOF" }, { 0x04, "ACK_REQ" },
	{ 0x08, "ACK_VALID" }, { 0x10, "FULL" }, { 0x20, "SEQ" },
}

local ttp = Proto("teslattp", "Tesla Transport Protocol")

local f = {
	dialect = ProtoField.string("teslattp.dialect", "Dialect"),
	subtype = ProtoField.uint8("teslattp.tth.subtype", "Subtype", base.DEC,
		nil, 0xc0),
	version = ProtoField.uint8("teslattp.tth.version", "Version", base.DEC,
		nil, 0x30),
	words = ProtoField.uint8("teslattp.tth.words", "Length in 32-bit words",
		base.DEC, nil, 0x0f),
	gateway = ProtoField.bool("teslattp.tth.gateway", "Gateway", 8, nil, 0x80),
	tth_len = ProtoField.uint16("teslattp.tth.length", "Total length"),
	src_node = ProtoField.uint24("teslattp.tsh.src", "Source node", base.HEX),
	dst_node = ProtoField.uint24("teslattp.tsh.dst", "Destination node",
		base.HEX),
	tsh_len = ProtoField.uint16("teslattp.tsh.length", "Length"),
	op = ProtoField.uint8("teslattp.op", "Opcode", base.DEC, opcodes, 0x3f),
	vc = ProtoField.uint8("teslattp.vc", "Virtual channel"),
	txlink = ProtoField.uint8("teslattp.txlink", "Tx link id"),
	rxlink = ProtoField.uint8("teslattp.rxlink", "Rx link id"),
	epoch = ProtoField.uint16("teslattp.epoch", "Epoch"),
	congestion = ProtoField.uint8("teslattp.bays_log2", "Bays granted (log2)"),
	ext = ProtoField.uint8("teslattp.ext", "Extension", base.HEX),
	txid = ProtoField.uint32("teslattp.txid", "TxID"),
	rxid = ProtoField.uint32("teslattp.rxid", "RxID"),
	dport = ProtoField.uint16("teslattp.dstport", "Destination port"),
	sport = ProtoField.uint16("teslattp.srcport", "Source port"),
	port = ProtoField.uint16("teslattp.port", "Port"),
	flags = ProtoField.uint8("teslattp.flags", "Flags", base.HEX),
	count = ProtoField.uint8("teslattp.count", "Count"),
	window = ProtoField.uint32("teslattp.window", "Window"),
	max_payload = ProtoField.uint16("teslattp.max_payload", "Largest payload"),
	first = ProtoField.uint32("teslattp.range.first", "First missing id"),
	n = ProtoField.uint32("teslattp.range.n", "Missing ids"),
	payload = ProtoField.bytes("teslattp.payload", "Payload"),
	payload_len = ProtoField.uint16("teslattp.payload.len", "Payload length"),
	padding = ProtoField.bytes("teslattp.padding", "Padding"),
}
local flag_fields = {}
for _, flag in ipairs(flag_names) do
	local name = flag[2]:lower()

	flag_fields[name] = ProtoField.bool("teslattp.flags." .. name, flag[2], 8,
		nil, flag[1])
end

local fields = {}
for _, field in pairs(f) do
	fields[#fields + 1] = field
end
for _, field in pairs(flag_fields) do
	fields[#fields + 1] = field
end
ttp.fields = fields

local e_short = ProtoExpert.new("teslattp.short", "Shorter than its headers",
	expert.group.MALFORMED, expert.severity.ERROR)
local e_length = ProtoExpert.new("teslattp.length", "The lengths disagree",
	expert.group.MALFORMED, expert.severity.ERROR)
local e_opcode = ProtoExpert.new("teslattp.opcode", "Unknown opcode",
	expert.group.PROTOCOL, expert.severity.WARN)
local e_vc = ProtoExpert.new("teslattp.badvc", "No such virtual channel",
	expert.group.PROTOCOL, expert.severity.WARN)
local e_ext = ProtoExpert.new("teslattp.badext", "Unknown extension",
	expert.group.PROTOCOL, expert.severity.WARN)
local e_port = ProtoExpert.new("teslattp.badport", "Port 0",
	expert.group.PROTOCOL, expert.severity.WARN)
local e_ranges = ProtoExpert.new("teslattp.badranges",
	"Ranges do not fill the payload",
	expert.group.PROTOCOL, expert.severity.WARN)
ttp.experts = { e_short, e_length, e_opcode, e_vc, e_ext, e_port, e_ranges }

local function add_header(buf, tree)
	local tth = tree:add(ttp, buf(0, TTH_LEN), "Transport header (TTH)")

	tth:add(f.subtype, buf(0, 1))
	tth:add(f.version, buf(0, 1))
	tth:add(f.words, buf(0, 1))
	tth:add(f.gateway, buf(1, 1))
	tth:add(f.tth_len, buf(2, 2))

	local tsh = tree:add(ttp, buf(TTH_LEN, TSH_LEN), "Shim header (TSH)")

	tsh:add(f.src_node, buf(20, 3))
	tsh:add(f.dst_node, buf(23, 3))
	tsh:add(f.tsh_len, buf(26, 2))
end

local function add_core(buf, tree)
	local op = buf(28, 1):uint() % 0x40
	local item = tree:add(f.op, buf(28, 1))

	if not opcodes[op] then
		item:add_proto_expert_info(e_opcode)
	end
	item = tree:add(f.vc, buf(29, 1))
	if buf(29, 1):uint() > 2 then
		item:add_proto_expert_info(e_vc)
	end
	tree:add(f.txlink, buf(30, 1))
	tree:add(f.rxlink, buf(31, 1))
	tree:add(f.epoch, buf(32, 2))
	tree:add(f.congestion, buf(34, 1))
	tree:add(f.ext, buf(37, 1))
	tree:add(f.txid, buf(38, 4))
	tree:add(f.rxid, buf(42, 4))
	return op
end

local function add_port(field, buf, tree)
	local item = tree:add(field, buf)

	tree:add(f.port, buf):set_hidden()
	if buf:uint() == 0 then
		item:add_proto_expert_info(e_port)
	end
	return buf:uint()
end

local function add_flags(buf, tree)
	local value = buf:uint()
	local item = tree:add(f.flags, buf)
	local set = {}

	for _, flag in ipairs(flag_names) do
		item:add(flag_fields[flag[2]:lower()], buf)
		if math.floor(value / flag[1]) % 2 == 1 then
			set[#set + 1] = flag[2]
		end
	end
	if #set > 0 then
		item:append_text(" (" .. table.concat(set, ", ") .. ")")
	end
	return set
end

local function add_ranges(buf, count, tree)
	local text = ""

	if buf:len() ~= 8 * count then
		tree:add_proto_expert_info(e_ranges)
	end
	for i = 0, math.min(count, math.floor(buf:len() / 8)) - 1 do
		local at = buf(8 * i, 8)
		local first, n = at(0, 4):uint(), at(4, 4):uint()
		local item = tree:add(ttp, at, string.format(
			"Missing: %u, %u of them", first, n))

		item:add(f.first, at(0, 4))
		item:add(f.n, at(4, 4))
		text = text .. string.format(" %u+%u", first, n)
	end
	return text
end

-- What the socket dialect adds. Returns text for the info column.
local function add_extension(buf, tree, op)
	local dport = add_port(f.dport, buf(46, 2), tree)
	local sport = add_port(f.sport, buf(48, 2), tree)
	local set = add_flags(buf(50, 1), tree)
	local item = tree:add(f.count, buf(51, 1))

	if op == OPEN or op == OPEN_ACK then
		local log2 = buf(51, 1):uint()

		if log2 < 32 then
			item:append_text(" (log2 of the window)")
			tree:add(f.window, buf(51, 1), 2 ^ log2)
				:set_generated()
		end
	end
	tree:add(f.max_payload, buf(52, 2))
	local info = string.format("%u > %u", sport, dport)
	if #set > 0 then
		info = info .. " [" .. table.concat(set, ", ") .. "]"
	end
	return info
end

local function add_payload(buf, at, len, tree, op, socket)
	local body = buf(at, len)

	if socket and (op == NACK or op == CLOSE_NACK) then
		return add_ranges(body, buf(51, 1):uint(), tree)
	end
	-- OPEN and OPEN_ACK are padded to try the size of a frame.
	if op == PAYLOAD then
		tree:add(f.payload, body)
	elseif len > 0 then
		tree:add(f.padding, body)
	end
	return ""
end

-- Bytes of payload, by what the frame says; nil if that cannot be.
local function payload_length(buf, header, tree)
	local tth, tsh = buf(2, 2):uint(), buf(26, 2):uint()
	local len = tth - header

	-- The TSH counts what the TTH counts, less the TTH itself.
	if tsh ~= tth - TTH_LEN or len < 0 or header + len > buf:len() then
		tree:add_proto_expert_info(e_length)
		return nil
	end
	return len
end

local function dissect(buf, pinfo, tree, socket)
	local header = socket and SOCKET_LEN or BARE_LEN
	local item = tree:add(ttp, buf())

	pinfo.cols.protocol = "TTP"
	item:add(f.dialect, buf(0, 0), socket and "socket" or "bare")
		:set_generated()
	if buf:len() < header then
		item:add_proto_expert_info(e_short)
		pinfo.cols.info = "[too short]"
		return
	end
	add_header(buf, item)
	local op = add_core(buf, item)
	local info = ""
	if socket then
		info = add_extension(buf, item, op) .. " "
		if buf(37, 1):uint() ~= EXT_VERSION then
			item:add_proto_expert_info(e_ext)
		end
	end
	info = string.format("%s %sTx=%u Rx=%u", opcodes[op] or "opcode " .. op,
		info, buf(38, 4):uint(), buf(42, 4):uint())
	local len = payload_length(buf, header, item)
	if len then
		item:add(f.payload_len, buf(2, 2), len):set_generated()
		info = info .. " Len=" .. len ..
			add_payload(buf, header, len, item, op, socket)
		if header + len < buf:len() then
			item:add(f.padding, buf(header + len))
		end
	else
		info = info .. " [lengths disagree]"
	end
	pinfo.cols.info = info
	item:append_text(", " .. info)
end

function ttp.dissector(buf, pinfo, tree)
	dissect(buf, pinfo, tree, true)
end

local bare = Proto("teslattp_bare", "Tesla Transport Protocol, bare dialect")

function bare.dissector(buf, pinfo, tree)
	dissect(buf, pinfo, tree, false)
end

local ethertype = DissectorTable.get("ethertype")
ethertype:add(ETH_SOCKET, ttp)
ethertype:add(ETH_BARE, bare)
