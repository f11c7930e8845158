# A stock record of the ERP as a stock document. Save this file, and the next call uses it.
{
  sku: (if .spec then "\(.item)^^^\(.spec)" else .item end),
  quantity: (.on_hand - .reserved),
  location: .shop
}
