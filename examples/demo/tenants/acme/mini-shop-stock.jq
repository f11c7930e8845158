# The ERP's stock record as crossdock's stock document.
{
  sku: (if .spec then "\(.item)^^^\(.spec)" else .item end),
  quantity: (.on_hand - .reserved),
  location: .shop,
  type: ({"商品": "normal", "积分": "integral", "拼团": "group"}[.kind])
}
