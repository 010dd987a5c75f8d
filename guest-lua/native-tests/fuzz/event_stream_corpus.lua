-- Streams that the fuzz of the event-stream parser starts from. What once failed is added here.
return {
  "data: YHOO\ndata: +2\ndata: 10\n\n",
  ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n",
  "data\n\ndata\ndata\n\ndata:",
  "event: add\r\ndata: 73857293\r\nid: 7\r\n\r\nretry: 250\r\n\r\n",
  "\xEF\xBB\xBFdata: marked\r\rdata: twice\r\r",
  "\xEF\xBBdata: half a mark\n\n",
  "id: a\0b\nid: c\ndata: {\"ok\":true}\n\nretry: 12x\nretry: 0010\n\n",
  "event: \xE2\x82\xAC\ndata: \xF0\x9F\x98\x80\n:\n\nevent\ndata: \xFF\n\n",
  "retry: 99999999999999999999\ndata\r\n\r\nid\r\rdata:\n\r\n",
  "unknown: x\nDATA: y\ndatadata: z\n data: w\n:data: v\n\n",
}
